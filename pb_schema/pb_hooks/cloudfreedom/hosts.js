// The domain that a stack asks for: a host name, its tenant's, and nobody else's.

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

// [field, code, values] of the first fault, or null.
function fault(app, record, offer, tenant, said) {
  const host = name(record.getString("domain"));
  if (!host) return null;
  const labels = host.split(".");
  if (host.length > 253 || labels.length < 2 || !labels.every((label) => LABEL.test(label))) return bad("DOMAIN_INVALID");
  if ((said.reserved || []).includes(host)) return bad("DOMAIN_RESERVED");
  if (offer && !offer.web) return bad("DOMAIN_NOT_USED");
  const own = `.${tenant.getString("slug")}.${said.platform}`;
  if (isPlatforms(host, said) && !host.endsWith(own)) {
    const values = { platform: said.platform, own: own, example: `${record.getString("stack_name")}${own}` };
    return ["domain", "DOMAIN_NOT_YOURS", values];
  }
  return isTaken(app, record, host) ? bad("DOMAIN_TAKEN") : null;
}

// A name that is not the platform's counts against the tariff.
function isOwn(record, said) {
  const host = name(record.getString("domain"));
  return host !== "" && !isPlatforms(host, said);
}

function isPlatforms(host, said) {
  return Boolean(said.platform) && host.endsWith(`.${said.platform}`);
}

function name(text) {
  let host = text.trim().toLowerCase();
  for (const scheme of ["https://", "http://"]) if (host.startsWith(scheme)) host = host.slice(scheme.length);
  return host.replace(/\/+$/, "").replace(/\.+$/, "");
}

function isTaken(app, record, host) {
  const values = { id: record.id || "-", host: host };
  const others = "id != {:id} && desired_state != 'deleted' && domain = {:host}";
  const held = "id != {:id} && domain = {:host}";
  return (
    app.findRecordsByFilter("agent_stacks", others, "", 1, 0, values).length > 0 ||
    app.findRecordsByFilter("listener_ledger", held, "", 1, 0, values).length > 0
  );
}

function bad(code) {
  return ["domain", code, {}];
}

module.exports = { fault, isOwn };
