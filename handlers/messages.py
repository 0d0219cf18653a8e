"""What a record says, by reason code: a sentence in each language. Filled in by `status.Voice`."""

from __future__ import annotations

from collections.abc import Mapping

MESSAGES: Mapping[str, tuple[str, str]] = {
    "pending_tenant": (
        "Waiting: the tenant is pending. Nothing is created until it is active.",
        "Wartet: Der Mandant ist noch nicht freigeschaltet. Bis dahin wird nichts angelegt.",
    ),
    "schedule_on": ("In force: {cron}, in {zone}.", "In Kraft: {cron}, Zeitzone {zone}."),
    "schedule_off": ("Switched off: {cron}, in {zone}.", "Ausgeschaltet: {cron}, Zeitzone {zone}."),
    "waiting_project": (
        "Waiting for the tenant's project; this goes on by itself.",
        "Wartet auf das Projekt des Mandanten; es geht von selbst weiter.",
    ),
    "waiting_list": (
        "Waiting for the list of what runs; this goes on by itself.",
        "Wartet auf die Liste der laufenden Dienste; es geht von selbst weiter.",
    ),
    "waiting_domain": (
        "Waiting: another stack of ours is letting the domain go; this goes on by itself.",
        "Wartet: Ein anderer unserer Stacks gibt die Domain gerade frei; es geht von selbst weiter.",
    ),
    "waiting_server": (
        "Waiting: the tariff has a dedicated server; it starts when the operator has added it.",
        "Wartet: Der Tarif hat einen eigenen Server, und es gibt noch keinen. Er startet, sobald er da ist.",
    ),
    "waiting_placement": (
        "Waiting: no server takes this stack at present; it starts by itself when one does.",
        "Wartet: Zurzeit nimmt kein Server diesen Stack auf; der Start folgt von selbst.",
    ),
    "waiting_room": (
        "Waiting for {lacks} on {server}, place {place} in line; it starts by itself.",
        "Wartet auf {lacks} auf {server}, Platz {place} in der Reihe; der Start folgt von selbst.",
    ),
    "waiting_line": (
        "Waiting for room on {server}, place {place} in line; it starts by itself.",
        "Wartet auf Platz auf {server}, Platz {place} in der Reihe; der Start folgt von selbst.",
    ),
    "waiting_turn": (
        "Running. New limits of the tariff follow when it is this stack's turn.",
        "Läuft. Neue Grenzen des Tarifs folgen, sobald dieser Stack an der Reihe ist.",
    ),
    "waiting_halted": (
        "Running. New limits are held back: another stack did not start with them. The operator looks.",
        "Läuft. Neue Grenzen ruhen: Ein anderer Stack startete damit nicht. Der Betreiber sieht nach.",
    ),
    "kept": ("Running unchanged. {reason}", "Läuft unverändert. {reason}"),
    "waiting_upstream": (
        "Waiting for the platform to answer; this goes on by itself.",
        "Wartet auf eine Antwort der Plattform; es geht von selbst weiter.",
    ),
    "settling": (
        "An answer of the platform was lost. It is looked at until {until} before anything is created.",
        "Eine Antwort der Plattform ging verloren. Bis {until} wird nachgesehen, ehe etwas angelegt wird.",
    ),
    "deploying": ("Being deployed.", "Wird bereitgestellt."),
    "updating": ("The change is being applied.", "Die Änderung wird angewendet."),
    "restarting": ("Being restarted.", "Wird neu gestartet."),
    "starting": ("Started; waiting until it runs.", "Gestartet; wartet, bis der Dienst läuft."),
    "running": ("Running.", "Läuft."),
    "checking_domain": (
        "Looking up where the domain leads; this goes on by itself.",
        "Es wird nachgesehen, wohin die Domain führt; es geht von selbst weiter.",
    ),
    "running_unrouted": (
        (
            "Running, without its domain: point {host} to {address} ({kind} record), or create the TXT "
            "record {name} with the value {text}. It is looked for every few minutes."
        ),
        (
            "Läuft ohne seine Domain: {host} muss zu {address} führen ({kind}-Eintrag), oder der TXT-Eintrag "
            "{name} den Wert {text} haben. Es wird alle paar Minuten nachgesehen."
        ),
    ),
    "running_unproven": (
        (
            "Running, without its domain: create the TXT record {name} with the value {text}, as proof that "
            "{host} is yours. It is looked for every few minutes."
        ),
        (
            "Läuft ohne seine Domain: Der TXT-Eintrag {name} muss den Wert {text} haben, als Beweis, dass "
            "{host} Ihnen gehört. Es wird alle paar Minuten nachgesehen."
        ),
    ),
    "unhealthy": (
        "Running, but its health check fails. See the logs.",
        "Läuft, aber die Gesundheitsprüfung schlägt fehl. Siehe Logs.",
    ),
    "not_running": (
        "It does not run although it should. It is started again at {next}.",
        "Der Dienst läuft nicht, obwohl er soll. Er wird um {next} wieder gestartet.",
    ),
    "stopped_again": (
        "Stopped again after it was restored. The operator looks; a restart or an edit starts it.",
        "Nach der Wiederherstellung erneut angehalten. Der Betreiber sieht nach; ein Neustart startet ihn.",
    ),
    "server_away": (
        "It does not run: its server cannot be reached. This goes on by itself when it can.",
        "Der Dienst läuft nicht: Sein Server ist nicht erreichbar. Es geht von selbst weiter.",
    ),
    "stopping": ("Being stopped.", "Wird angehalten."),
    "not_stopped": (
        "It still runs although it was told to stop. It is told again every minute.",
        "Der Dienst läuft noch, obwohl er anhalten soll. Er wird jede Minute erneut angehalten.",
    ),
    "confirming": (
        "Stopped; confirmed when it stays so until {until}.",
        "Angehalten; bestätigt, wenn es bis {until} so bleibt.",
    ),
    "suspended": (
        "Suspended. The data is kept.",
        "Ausgesetzt. Die Daten bleiben erhalten.",
    ),
    "suspended_tenant": (
        "Suspended with its tenant. The data is kept.",
        "Mit dem Mandanten ausgesetzt. Die Daten bleiben erhalten.",
    ),
    "suspended_hold": (
        "Suspended by the operator: {reason}",
        "Vom Betreiber ausgesetzt: {reason}",
    ),
    "suspended_unborn": (
        "Suspended before it was ever created; it is created when it may run.",
        "Ausgesetzt, bevor der Dienst angelegt wurde; er entsteht, sobald er laufen darf.",
    ),
    "deletion_braked": (
        "To be deleted; it runs on, as many are to go at once. The operator looks, or it follows in turn.",
        "Soll gelöscht werden; läuft noch, da viele zugleich gehen. Der Betreiber sieht nach, oder es folgt.",
    ),
    "deleting": ("Being stopped for deletion.", "Wird zum Löschen angehalten."),
    "retained": (
        "Deleted: stopped, its data is kept until {until}.",
        "Gelöscht: angehalten, die Daten werden bis {until} aufbewahrt.",
    ),
    "purge_unproven": (
        "Deleted: the data is kept until a backup of it is proven. The operator looks after that.",
        "Gelöscht: Die Daten bleiben, bis eine Sicherung davon geprüft ist. Der Betreiber kümmert sich.",
    ),
    "purge_announced": (
        "Deleted: the time for which the data is kept is over. It is removed at {at} at the earliest.",
        "Gelöscht: Die Aufbewahrung ist abgelaufen. Die Daten werden frühestens um {at} entfernt.",
    ),
    "purge_braked": (
        "Deleted: many removals are due at once, so this one waits for its turn.",
        "Gelöscht: Es stehen viele Entfernungen zugleich an, diese wartet, bis sie an der Reihe ist.",
    ),
    "purging": ("Deleted: the data is being removed.", "Gelöscht: Die Daten werden entfernt."),
    "purged": ("Deleted; the data is removed.", "Gelöscht; die Daten sind entfernt."),
    "too_late": (
        "Deleted; the data is removed, so it is too late to bring it back. Make a new stack.",
        "Gelöscht; die Daten sind entfernt, zum Zurückholen ist es zu spät. Bitte neu anlegen.",
    ),
    "deleted": ("Deleted; nothing was ever created.", "Gelöscht; es war nie etwas angelegt."),
    "foreign_born": (
        "Blocked: this stack was not made by the listener. The operator decides whether it is adopted.",
        "Gesperrt: Dieser Stack stammt nicht vom Listener. Der Betreiber entscheidet über die Übernahme.",
    ),
    "project_foreign": (
        "Blocked: this tenant has an older project. The operator runs cloudfreedom adopt --tenant {slug}",
        "Gesperrt: Es gibt ein älteres Projekt. Der Betreiber ruft cloudfreedom adopt --tenant {slug} auf",
    ),
    "project_held": (
        "Waiting for the operator, who decides about the tenant's older project.",
        "Wartet auf den Betreiber: Er entscheidet über das ältere Projekt des Mandanten.",
    ),
    "needs_approval": (
        "Waiting for the operator's approval: a change would replace what was taken over.",
        "Wartet auf den Betreiber: Eine Änderung würde ersetzen, was übernommen wurde.",
    ),
    "blocked": (
        "Blocked: this needs the operator. Nothing is touched until then.",
        "Gesperrt: Hier muss der Betreiber entscheiden. Bis dahin wird nichts angefasst.",
    ),
    "action_done": ("Done: {action}.", "Erledigt: {action}."),
    "action_refused": ("Not available: {action}.", "Nicht verfügbar: {action}."),
    "bug": (
        "Something unexpected happened. It is looked at again in 15 minutes; the operator sees why.",
        "Etwas Unerwartetes ist passiert. Neuer Versuch in 15 Minuten; der Betreiber sieht den Grund.",
    ),
    "upstream_refused": (
        "The platform refused this. An edit is tried at once; the operator sees the reason.",
        "Die Plattform hat das abgelehnt. Eine Änderung wird sofort versucht; der Betreiber sieht den Grund.",
    ),
    "not_saved": (
        "What must be saved before anything is done cannot be saved. It is tried again every few minutes.",
        "Was vorher gespeichert werden muss, lässt sich nicht speichern. Neuer Versuch alle paar Minuten.",
    ),
    "tenant_active": ("Active.", "Aktiv."),
    "count_running": ("{n} running", "{n} in Betrieb"),
    "count_starting": ("{n} starting", "{n} im Start"),
    "count_waiting": ("{n} waiting for {lacks}", "{n} wartend auf {lacks}"),
    "count_in_line": ("{n} waiting in line", "{n} in der Warteschlange"),
    "count_refused": ("{n} not in the tariff", "{n} nicht im Tarif enthalten"),
    "count_resting": ("{n} suspended", "{n} ausgesetzt"),
    "count_over": (
        "{n} more than the tariff has, left as they are",
        "{n} mehr als im Tarif, bleiben bestehen",
    ),
    "tenant_suspended": ("Suspended: every stack is stopped.", "Ausgesetzt: Alle Stacks sind angehalten."),
    "tenant_pending": (
        "Pending: nothing is created yet.",
        "Noch nicht freigeschaltet: Es wird nichts angelegt.",
    ),
    "tenant_project": ("The project is being made.", "Das Projekt wird angelegt."),
}
"""Reason code -> (English, German)."""
