// A save is answered on the record: the listener takes over, or since when nobody has seen it.

const FIELD = { agent_stacks: "message", tenants: "listener_message" };
const UNSEEN_AFTER = 60000; // milliseconds without a renewed lease; it is renewed every few seconds

// The record's message says what becomes of this save; the listener writes the next one.
function put(app, record) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  let meta, lease;
  try {
    meta = app.findRecordById("listener_meta", "main");
    lease = app.findRecordById("listener_lease", "main");
  } catch (_) {
    return;
  }
  const texts = model.json(meta, "texts");
  if (!texts) return; // no listener has been here yet
  const seen = new Date(lease.getString("updated").replace(" ", "T")), now = new Date();
  const isSeen = lease.getString("holder") !== "" && now - seen < UNSEEN_AFTER;
  const text = texts[isSeen ? "SAVED" : "SAVED_UNSEEN"] || "";
  record.set(FIELD[record.collection().name], text.replace("{at}", clock(isSeen ? now : seen, now, meta)));
}

// The time of day in the site's zone; with the date when it was not today.
function clock(at, now, meta) {
  const shift = meta.getInt("zone_minutes") * 60000;
  const [here, today] = [at, now].map((one) => new Date(one.getTime() + shift).toISOString());
  const time = here.slice(11, 16);
  return here.slice(0, 10) === today.slice(0, 10) ? time : `${here.slice(0, 10)} ${time}`;
}

module.exports = { put };
