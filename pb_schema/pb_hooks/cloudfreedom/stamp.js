// `listener_meta.hooks_stamp` is never stored: running hooks put it into every answer that shows the row, so
// it cannot outlive them. It is a hash of the files as they were when PocketBase loaded them.

const KEY = "cloudfreedom.hooks_stamp";

// The hash of our files is kept until PocketBase starts again.
function remember(app) {
  const hashes = ["cloudfreedom.pb.js", ...modules()].map((name) => {
    return `${name} ${$security.sha256(toString($os.readFile(`${__hooks}/${name}`)))}\n`;
  });
  app.store().set(KEY, $security.sha256(hashes.join("")).slice(0, 16));
}

// The row in the answer carries the stamp.
function show(e) {
  e.record.set("hooks_stamp", e.app.store().get(KEY));
}

// A form that posts the stamp back stores nothing.
function hide(e) {
  e.record.set("hooks_stamp", "");
}

function modules() {
  const names = [];
  for (const entry of $os.readDir(`${__hooks}/cloudfreedom`)) {
    if (entry.name().endsWith(".js")) names.push(`cloudfreedom/${entry.name()}`);
  }
  return names.sort();
}

module.exports = { remember, show, hide };
