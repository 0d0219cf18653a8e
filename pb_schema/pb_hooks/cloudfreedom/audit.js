// Who changed what: names of fields, never values. Rows are written in the transaction of what they tell.

const ROWS = "stack_operations";
const UPDATE = "record.update";

// The audit holds that `who` did this; `at` is the record's `updated` after it.
function write(app, record, verb, who, fields, at) {
  const texts = require(`${__hooks}/cloudfreedom/texts.js`);
  const isStack = record.collection().name === "agent_stacks";
  const row = new Record(app.findCollectionByNameOrId(ROWS));
  row.load({
    stack_id: isStack ? record.id : "",
    tenant_id: isStack ? record.getString("tenant_id") : record.id,
    verb: verb,
    outcome: "done",
    actor: who.name,
    detail: fields.length ? { fields: fields } : {},
    begun: at,
    ended: at,
    text: texts.told(app, record, verb, fields),
    side: texts.side(who),
    state: isStack && verb === "record.delete" ? "deleted" : "",
  });
  app.save(row);
}

// Field -> who changed it last, for all that was changed after `at`.
function since(app, record, at) {
  const isStack = record.collection().name === "agent_stacks";
  const whose = isStack ? "stack_id = {:id}" : "stack_id = '' && tenant_id = {:id}";
  const values = { id: record.id, at: at, verb: UPDATE };
  const rows = app.findRecordsByFilter(ROWS, `${whose} && verb = {:verb} && ended > {:at}`, "ended", 0, 0, values);
  const found = {};
  for (const row of rows) {
    for (const name of JSON.parse(row.getString("detail")).fields || []) found[name] = row.getString("actor");
  }
  return found;
}

module.exports = { UPDATE, write, since };
