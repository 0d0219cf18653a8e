// Creates and updates. The admin UI posts the whole form as it was when it was opened, so what differs from the
// stored record may be a wish or only old. A form is stale when its own `updated` is older than the record's.

const LONGEST_NAME = 40;
const NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const STAFF_ACTIONS = ["recreate", "rotate_secrets", "backup_now", "approve", "purge"];
const FIXED = { agent_stacks: ["tenant_id", "template", "stack_name"], tenants: [] };

// The record is made as a new one begins, or refused at the fields that are wrong.
function create(e) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  const audit = require(`${__hooks}/cloudfreedom/audit.js`);
  if (!model.isInForce(e.app)) return e.next();
  const who = model.caller(e);
  return together(e, (app) => {
    const empty = new Record(e.record.collection());
    if (empty.collection().name === "agent_stacks") empty.set("status", "pending");
    if (!who.isService) {
      const faults = newFaults(app, e.record, empty, who);
      refuse("The record was not made.", admitted(app, e.record, null, [], faults));
    }
    const fields = model.differing(e.record, new Record(e.record.collection()));
    if (!who.isService) require(`${__hooks}/cloudfreedom/receipt.js`).put(app, e.record);
    e.next();
    audit.write(app, e.record, "record.create", who, fields, e.record.getString("updated"));
  });
}

// What a person changed is stored and nothing else, or the save is refused at the fields that are wrong.
function update(e) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  const audit = require(`${__hooks}/cloudfreedom/audit.js`);
  if (!model.isInForce(e.app)) return e.next();
  const who = model.caller(e);
  const display = model.DISPLAY[e.record.collection().name];
  const wishes = () => model.differing(e.record, e.record.original(), display);
  if (who.isService && !wishes().length) return e.next();
  return together(e, (app) => {
    if (!who.isService) {
      const faults = changeFaults(app, e, who);
      refuse("Nothing was saved.", admitted(app, e.record, e.record.original(), wishes(), faults));
      e.record.ignoreUnchangedFields(true);
    }
    const fields = wishes();
    if (fields.length && !who.isService) require(`${__hooks}/cloudfreedom/receipt.js`).put(app, e.record);
    e.next();
    if (fields.length) audit.write(app, e.record, audit.UPDATE, who, fields, e.record.getString("updated"));
  });
}

// The faults, and where there are none those that the listener would find.
function admitted(app, record, stored, changed, faults) {
  if (record.collection().name !== "agent_stacks" || Object.values(faults).some(Boolean)) return faults;
  return require(`${__hooks}/cloudfreedom/admission.js`).faults(app, record, stored, changed);
}

function newFaults(app, record, empty, who) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  const display = model.DISPLAY[record.collection().name];
  const faults = {};
  for (const name of model.differing(record, empty)) {
    if (!display.includes(name)) {
      faults[name] = wrong(app, record, name, who);
    } else if (who.isStaff && record.getString(name)) {
      const start = empty.getString(name) ? `Choose ${empty.getString(name)}.` : "Leave it empty.";
      faults[name] = ["display", `The listener fills this in. ${start}`];
    } else {
      record.set(name, empty.get(name)); // the portal writes its own idea of it
    }
  }
  return faults;
}

function changeFaults(app, e, who) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  const record = e.record, stored = record.original();
  const display = model.DISPLAY[record.collection().name];
  const restore = (name) => record.set(name, stored.get(name));
  const later = changedSince(app, e);
  const faults = {};
  for (const name of model.differing(record, stored)) {
    if (display.includes(name)) {
      if (later || !who.isStaff) restore(name);
      else faults[name] = ["display", "The listener shows here what it saw; it cannot be set. Reload the form."];
    } else if (later && name in later) {
      if (name === "action") restore(name);
      else faults[name] = ["changed", `Changed by ${later[name]} while this form was open. Reload the form.`];
    } else if (FIXED[record.collection().name].includes(name)) {
      faults[name] = ["fixed", "This is chosen once, when the stack is made. Make a new stack instead."];
    } else {
      faults[name] = wrong(app, record, name, who);
    }
  }
  return faults;
}

// What people changed after a stale form was opened, by field; null for what is no stale form.
function changedSince(app, e) {
  const posted = require(`${__hooks}/cloudfreedom/form.js`).updated(e);
  const now = app.findRecordById(e.record.collection(), e.record.id).getString("updated");
  if (posted === null || posted >= now) return null;
  return require(`${__hooks}/cloudfreedom/audit.js`).since(app, e.record, posted);
}

// The code and the words for a value that is not allowed, or undefined.
function wrong(app, record, name, who) {
  const text = record.getString(name);
  if (name === "stack_name" || name === "slug") {
    if (text.length <= LONGEST_NAME && NAME.test(text)) return undefined;
    return ["name", `Use 1 to ${LONGEST_NAME} characters of a-z, 0-9 and -, none of the - at an end.`];
  }
  if (name === "action" && !who.isStaff && STAFF_ACTIONS.includes(text)) {
    return ["staff", `Only staff may command ${text}.`];
  }
  if (name === "hold" && !who.isStaff) return ["staff", "Only staff may put on hold."];
  if (name === "template") return unknownTemplate(app, text);
  if (name === "config" || name === "resource_limits") {
    const value = require(`${__hooks}/cloudfreedom/model.js`).json(record, name);
    const isObject = value === null || (typeof value === "object" && !Array.isArray(value));
    return isObject ? undefined : ["object", 'Give a JSON object, such as {"env_vars": {}}, or leave it empty.'];
  }
  return undefined;
}

function unknownTemplate(app, slug) {
  if (!app.countRecords("agent_templates")) return undefined;
  const known = app.countRecords("agent_templates", $dbx.hashExp({ id: slug, withdrawn: false }));
  return known ? undefined : ["template", `There is no template ${slug} to choose.`];
}

function refuse(summary, faults) {
  const errors = {}, told = [summary];
  for (const name of Object.keys(faults)) {
    if (!faults[name]) continue;
    const [code, text] = faults[name];
    errors[name] = new ValidationError(`cloudfreedom_${code}`, text);
    told.push(`${name}: ${text}`); // the field may be out of sight, the message is not
  }
  if (told.length > 1) throw new BadRequestError(told.join(" "), errors);
}

// What `work` writes through its app, and what PocketBase itself does in `e.next()`, is stored whole or not at all.
function together(e, work) {
  const app = e.app;
  try {
    return app.runInTransaction((inner) => {
      e.app = inner;
      work(inner);
    });
  } finally {
    e.app = app;
  }
}

module.exports = { create, update, together };
