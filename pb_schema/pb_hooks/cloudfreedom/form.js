// What a form says of its own age: the `updated` that it posts. A body without one is no whole form, and means
// every field that it names.

const KEY = "cloudfreedom.forms";
const RECORD = /^\/api\/collections\/[^/]+\/records\/([^/?]+)(\?.*)?$/;

// The posted `updated` of a plain PATCH is kept, by record id.
function keep(e) {
  const found = e.request.method === "PATCH" && RECORD.exec(e.request.url.path);
  if (!found) return;
  let body = {};
  try {
    body = e.requestInfo().body;
  } catch (_) {
    return; // PocketBase itself refuses what cannot be read
  }
  e.set(KEY, collect([[found[1], body]]));
}

// The same for every item of a batch; each item's event is given a copy of what was kept.
function keepBatch(e) {
  const items = [];
  for (const item of e.batch) {
    const body = item.body || {};
    const found = RECORD.exec(String(item.url));
    items.push([found ? found[1] : String(body.id || ""), body]);
  }
  e.set(KEY, collect(items));
}

// The `updated` that the form carried, or null where there was none.
function updated(e) {
  const kept = JSON.parse(e.get(KEY) || "{}")[e.record.id];
  return kept === undefined ? null : kept;
}

function collect(items) {
  const kept = {};
  for (const [id, body] of items) {
    if (id && body.updated !== undefined) kept[id] = String(body.updated || "").replace("T", " ");
  }
  return JSON.stringify(kept);
}

module.exports = { keep, keepBatch, updated };
