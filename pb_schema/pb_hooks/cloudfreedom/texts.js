// What a tenant reads of a save: a sentence in the site's language, without times and without names of people.

const LONGEST = 200;
const HOLD = {
  agent_stacks: ["The operator orders a stop: ", "Der Betreiber ordnet einen Halt an: "],
  tenants: ["The operator orders a stop of all stacks: ", "Der Betreiber hält alle Stacks an: "],
};
const FREE = ["The operator's stop is lifted.", "Der Halt durch den Betreiber ist aufgehoben."];
const CREATED = {
  agent_stacks: ["Created.", "Angelegt."],
  tenants: ["Account opened.", "Konto eröffnet."],
};
const REMOVED = ["Removed.", "Entfernt."];
const CHANGED = ["Changed: ", "Geändert: "];
const WISHES = {
  running: ["Start requested.", "Start angefordert."],
  suspended: ["Stop requested.", "Halt angefordert."],
  deleted: ["Deletion requested.", "Löschen angefordert."],
};
const ACTIONS = {
  restart: ["Restart requested.", "Neustart angefordert."],
  redeploy: ["Renewal requested.", "Erneuerung angefordert."],
  retry: ["Another try requested.", "Neuer Versuch angefordert."],
  recreate: ["Renewal from scratch requested.", "Neuaufbau angefordert."],
  rotate_secrets: ["New passwords requested.", "Neue Passwörter angefordert."],
  backup_now: ["Backup requested.", "Sicherung angefordert."],
  approve: ["Change approved.", "Änderung freigegeben."],
  purge: ["Removal of the data requested.", "Entfernen der Daten angefordert."],
};
const FIELDS = {
  agent_stacks: {
    config: ["settings", "Einstellungen"],
    domain: ["domain", "Domain"],
    resource_limits: ["limits", "Grenzen"],
    stack_name: ["name", "Name"],
  },
  tenants: { name: ["name", "Name"], plan_tier: ["tariff", "Tarif"], status: ["status of the account", "Kontostatus"] },
};

// The sentence for this save; empty when it means nothing to a tenant.
function told(app, record, verb, fields) {
  const kind = record.collection().name, german = isGerman(app) ? 1 : 0;
  if (verb === "record.create") return CREATED[kind][german];
  if (verb === "record.delete") return REMOVED[german];
  const parts = [];
  if (fields.includes("hold")) parts.push(held(record, kind, german));
  for (const [name, words] of [["desired_state", WISHES], ["action", ACTIONS]]) {
    const found = fields.includes(name) && words[record.getString(name)];
    if (found) parts.push(found[german]);
  }
  const named = fields.filter((name) => FIELDS[kind][name]).map((name) => FIELDS[kind][name][german]);
  if (named.length) parts.push(`${CHANGED[german]}${named.join(", ")}.`);
  return parts.join(" ").slice(0, LONGEST);
}

// On whose word it was saved: `listener`, `staff` or `tenant`. The command line is staff's.
function side(who) {
  if (who.isService && who.name !== "listeners/cli") return "listener";
  return who.isService || who.isStaff ? "staff" : "tenant";
}

function held(record, kind, german) {
  const reason = record.getString("hold").replace(/\s+/g, " ").trim();
  return reason ? HOLD[kind][german] + reason : FREE[german];
}

function isGerman(app) {
  try {
    return app.findRecordById("listener_meta", "main").getString("language") === "de";
  } catch (_) {
    return false;
  }
}

module.exports = { told, side };
