// A hard delete leaves a tombstone, which is the proof that the record is gone and not only hidden.

const ROWS = "listener_tombstones";
const KEPT = { agent_stacks: ["stack_name", "template", "domain"], tenants: ["name", "slug"] };

// The record is gone, and its tombstones and the audit say by whom.
function request(e) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  const audit = require(`${__hooks}/cloudfreedom/audit.js`);
  const saves = require(`${__hooks}/cloudfreedom/saves.js`);
  if (!model.isInForce(e.app)) return e.next();
  const who = model.caller(e), begun = new DateTime().string();
  return saves.together(e, (app) => {
    e.next();
    const own = "actor = '' && created >= {:begun} && (record_id = {:id} || tenant_id = {:id})";
    for (const row of app.findRecordsByFilter(ROWS, own, "", 0, 0, { id: e.record.id, begun: begun })) {
      row.set("actor", who.name);
      app.save(row);
    }
    audit.write(app, e.record, "record.delete", who, [], begun);
  });
}

// The record is gone and a tombstone names it, or neither; a tenant with live stacks stays.
function remove(e) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  const saves = require(`${__hooks}/cloudfreedom/saves.js`);
  if (!model.isInForce(e.app)) return e.next();
  return saves.together(e, (app) => {
    const record = e.record, collection = record.collection().name;
    if (collection === "tenants") refuseLive(app, record);
    const data = {};
    for (const name of KEPT[collection]) data[name] = record.getString(name);
    const row = new Record(app.findCollectionByNameOrId(ROWS));
    row.load({
      record_id: record.id,
      collection: collection,
      tenant_id: collection === "tenants" ? record.id : record.getString("tenant_id"),
      data: data,
    });
    app.save(row);
    e.next();
  });
}

function refuseLive(app, tenant) {
  const live = "tenant_id = {:id} && desired_state != 'deleted'";
  const stacks = app.findRecordsByFilter("agent_stacks", live, "stack_name", 0, 0, { id: tenant.id });
  if (!stacks.length) return;
  const names = stacks.map((stack) => stack.getString("stack_name")).join(", ");
  throw new BadRequestError(
    `${tenant.getString("name")} still has stacks: ${names}. Set desired_state to deleted on them first.`,
  );
}

module.exports = { request, remove };
