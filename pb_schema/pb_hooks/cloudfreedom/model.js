// What the hooks know of the data model, and of who is asking.

// Only the listener writes these.
const DISPLAY = {
  agent_stacks: [
    "status", "health", "message", "error_message",
    "coolify_project_uuid", "coolify_service_uuid", "coolify_server_uuid",
    "template_version", "last_deploy", "last_health_check", "last_backup", "last_backup_info",
    "purge_after",
  ],
  tenants: ["coolify_project_uuid", "listener_status", "listener_message"],
};

const NEEDED = {
  agent_stacks: ["desired_state", "action", "hold", "updated"],
  tenants: ["hold", "listener_status", "updated"],
  stack_operations: ["stack_id", "tenant_id", "verb", "actor", "detail", "ended"],
  listener_tombstones: ["record_id", "collection", "tenant_id", "actor", "data"],
};

// Our data model was applied; before that nothing is guarded, because writing would break every save.
function isInForce(app) {
  try {
    return Object.keys(NEEDED).every((name) => {
      const fields = app.findCachedCollectionByNameOrId(name).fields;
      return NEEDED[name].every((field) => fields.getByName(field));
    });
  } catch (_) {
    return false;
  }
}

// Who asks. `isService` is the listener itself or its command line.
function caller(e) {
  const auth = e.auth;
  if (!auth) return { isService: false, isStaff: false, name: "guest" };
  const collection = auth.collection().name;
  const isUser = collection === "users";
  return {
    isService: collection === "listeners",
    isStaff: auth.isSuperuser() || (isUser && auth.getString("cf_role") === "staff"),
    name: `${collection}/${auth.getString("email") || auth.getString("username") || auth.id}`,
  };
}

// Names of the fields that differ, in the order of the form; ids and times that PocketBase sets are left out.
function differing(record, other, besides = []) {
  const kinds = kindsOf(record.collection());
  const differs = (name) => value(record, name, kinds[name]) !== value(other, name, kinds[name]);
  return Object.keys(kinds).filter((name) => !besides.includes(name) && differs(name));
}

function value(record, name, kind) {
  if (kind === "json") return JSON.stringify(json(record, name));
  const text = record.getString(name);
  return !text && ["select", "relation", "file"].includes(kind) ? record.getStringSlice(name).join("\n") : text;
}

const known = {};

// Field -> its type; remembered, since asking PocketBase costs more than all comparing.
function kindsOf(collection) {
  const key = `${collection.id} ${collection.updated.string()}`;
  if (!known[key]) {
    const kinds = {};
    for (const name of collection.fields.fieldNames()) {
      const kind = collection.fields.getByName(name).type();
      if (name !== "id" && kind !== "autodate") kinds[name] = kind;
    }
    known[key] = kinds;
  }
  return known[key];
}

// The value of a json field.
function json(record, name) {
  const text = record.getString(name);
  return text ? JSON.parse(text) : null;
}

module.exports = { DISPLAY, isInForce, caller, differing, json };
