// What the listener would refuse is refused at save time already, at the field, in the listener's own words.
// Asked inside the transaction of the save, so that no two saves both find the last place.

const SPEC = ["template", "config", "resource_limits", "domain"];

// Field -> [code, text] for a stack that is new (`stored` is null), or of which `changed` fields are.
function faults(app, record, stored, changed) {
  const back = stored && stored.getString("desired_state") === "deleted";
  if (record.getString("desired_state") === "deleted") return {};
  if (stored && !back && !changed.some((name) => SPEC.includes(name))) return {};
  const world = look(app, record);
  if (!world.tenant || !world.template) return {};
  const found = {}, add = (fault) => {
    if (fault && !found[fault[0]]) found[fault[0]] = [fault[1].toLowerCase(), say(world.said, fault)];
  };
  const asked = ask(world.offers, world.tenant, world.tier, record);
  add(asked.fault);
  if (!stored || changed.includes("domain") || back) add(domain(app, record, world));
  if (!stored || changed.includes("config") || back) add(settings(app, record, world));
  if (!Object.keys(found).length) add(quota(app, record, back ? null : stored, asked.need, world));
  return found;
}

function look(app, record) {
  const said = meta(app), tenant = find(app, "tenants", record.getString("tenant_id"));
  const template = find(app, "agent_templates", record.getString("template"));
  const tier = tenant && find(app, "plan_tiers", tenant.getString("plan_tier") || "starter");
  return { said: said, tenant: tenant, template: template, tier: tier, offers: offers(app) };
}

function offers(app) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  const found = {};
  for (const row of app.findRecordsByFilter("agent_templates", "id != ''", "", 0, 0)) {
    const offer = model.json(row, "admission");
    if (offer && offer.services) found[row.id] = offer;
  }
  return found;
}

function ask(known, tenant, tier, record) {
  const slug = record.getString("template");
  if (!known[slug]) return { need: null };
  const limits = require(`${__hooks}/cloudfreedom/limits.js`);
  return limits.demand(known[slug], slug, tenant.getString("plan_tier") || "starter", tier, record);
}

function domain(app, record, world) {
  const offer = world.offers[world.template.id];
  return require(`${__hooks}/cloudfreedom/hosts.js`).fault(app, record, offer, world.tenant, world.said.hosts);
}

function settings(app, record, world) {
  return require(`${__hooks}/cloudfreedom/settings.js`).fault(app, record, world.template);
}

// The tenant has room for it beside its other stacks that are not deleted. One that exists asks for what is new.
function quota(app, record, stored, need, world) {
  const tenant = world.tenant, tier = world.tier, field = stored ? "resource_limits" : "tenant_id";
  const condition = "tenant_id = {:tenant} && desired_state != 'deleted' && id != {:id}";
  const values = { tenant: tenant.id, id: record.id || "-" };
  const others = app.findRecordsByFilter("agent_stacks", condition, "", 0, 0, values);
  const title = (tier && tier.getString("title")) || tenant.getString("plan_tier") || "starter";
  if (!stored) {
    const counts = [
      ["QUOTA_STACKS", tenant.getInt("max_stacks") || (tier ? tier.getInt("max_stacks") : 0), others.length],
      ["QUOTA_TEMPLATE", ofTemplate(tier, record), others.filter((one) => isSame(one, record)).length],
      ["QUOTA_DOMAINS", ownDomains(tier, record, world), countOwn(others, world)],
    ];
    for (const [code, most, count] of counts) {
      if (most > 0 && count >= most) {
        const told = { tier: title, most: String(most), count: String(count), template: record.getString("template") };
        return [code === "QUOTA_DOMAINS" ? "domain" : field, code, told];
      }
    }
  }
  return pool(field, record, stored, need, others, world);
}

function pool(field, record, stored, need, others, world) {
  const tier = world.tier;
  if (!tier || !need) return null;
  const most = { memory: tier.getInt("memory_pool_mb"), cpus: tier.getFloat("cpu_pool") };
  if (most.memory <= 0 && most.cpus <= 0) return null;
  const used = others.map((one) => ask(world.offers, world.tenant, tier, one).need || { memory: 0, cpus: 0 });
  const old = (stored && ask(world.offers, world.tenant, tier, stored).need) || { memory: 0, cpus: 0 };
  for (const [code, word, text] of [["QUOTA_MEMORY", "memory", size], ["QUOTA_CPUS", "cpus", String]]) {
    const total = used.reduce((sum, one) => sum + one[word], 0);
    if (most[word] > 0 && need[word] > old[word] && total + need[word] > most[word]) {
      const left = Math.max(0, most[word] - total - old[word]);
      return [field, code, { need: text(need[word] - old[word]), left: text(left), most: text(most[word]) }];
    }
  }
  return null;
}

function ofTemplate(tier, record) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  const limits = (tier && model.json(tier, "limits")) || {};
  return Number((limits[record.getString("template")] || {}).max_stacks) || 0;
}

function ownDomains(tier, record, world) {
  return tier && require(`${__hooks}/cloudfreedom/hosts.js`).isOwn(record, world.said.hosts) ? tier.getInt("max_domains") : 0;
}

function countOwn(others, world) {
  const hosts = require(`${__hooks}/cloudfreedom/hosts.js`);
  return others.filter((one) => hosts.isOwn(one, world.said.hosts)).length;
}

function isSame(one, record) {
  return one.getString("template") === record.getString("template");
}

function size(megabytes) {
  return megabytes >= 1024 ? `${Number((megabytes / 1024).toPrecision(3))} GB` : `${Math.round(megabytes)} MB`;
}

// What the listener left for the hooks: its texts and host names.
function meta(app) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  const row = find(app, "listener_meta", "main");
  return { texts: (row && model.json(row, "texts")) || {}, hosts: (row && model.json(row, "hosts")) || {} };
}

function say(said, fault) {
  const [, code, values] = fault;
  const text = said.texts[code] || code;
  return text.replace(/\{\{|\}\}|\{(\w+)\}/g, (found, name) => (name ? String(values[name] || "") : found[0]));
}

function find(app, collection, id) {
  try {
    return id ? app.findRecordById(collection, id) : null;
  } catch (_) {
    return null;
  }
}

module.exports = { faults };
