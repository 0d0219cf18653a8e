// What a stack's services may use: the tier's figures, within the template's floor and the record's wish. The
// same rules as the listener's, of which this is only the early word.

const NUMBER = /^\d{1,6}(\.\d{1,6})?$/;
const MEMORY = /^([1-9]\d{0,8})\s*([MG])$/i;
const WORDS = ["cpus", "memory", "pids"];
const ON = ["true", "yes", "1"];

// The sum that is asked for, {cpus, memory}; or {fault: [field, code, values]}.
function demand(offer, slug, tierId, tier, record) {
  try {
    return { need: sum(offer, effective(offer, slug, tierId, tier, record)) };
  } catch (error) {
    if (!error.fault) throw error;
    return { fault: error.fault };
  }
}

function effective(offer, slug, tierId, tier, record) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  const ruling = object(object(tier ? model.json(tier, "limits") : null)[slug], slug);
  const wishes = plain(model.json(record, "resource_limits"));
  const stray = Object.keys(wishes).filter((name) => !offer.services[name]).sort();
  if (stray.length) invalid(`${stray.join(", ").slice(0, 80)} is not a service of ${slug}`);
  const options = optionsOf(offer, plain(plain(model.json(record, "config")).env_vars));
  const found = {};
  for (const name of Object.keys(offer.services)) {
    const service = offer.services[name];
    if (service.option && !options.includes(service.option)) continue;
    const granted = grant(service.limits[tierId], figures(ruling[name], name));
    if (granted) found[name] = within(granted, figures(wishes[name], name), read(service.floor), `${slug}/${name}`, tierId);
    else if (service.option) fail("config", "OPTION_NOT_IN_TIER", { option: service.option, tier: tierId });
  }
  if (!Object.keys(found).length) fail("template", "LIMITS_NO_TIER", { template: slug, tier: tierId });
  return found;
}

function within(granted, wanted, floor, place, tier) {
  above(granted, floor, place, "template");
  const asked = Object.assign({}, granted, wanted);
  for (const word of WORDS) {
    if (asked[word] > granted[word]) {
      const values = { place: place, limits: told(asked), most: told(granted), tier: tier };
      fail("resource_limits", "LIMITS_ABOVE_TIER", values);
    }
  }
  above(asked, floor, place, "resource_limits");
  return asked;
}

function above(limits, floor, place, field) {
  if (WORDS.every((word) => limits[word] >= floor[word])) return;
  fail(field, "LIMITS_BELOW_FLOOR", { place: place, floor: told(floor), limits: told(limits) });
}

function grant(spec, ruled) {
  if (spec) return Object.assign(read(spec), ruled);
  return WORDS.every((word) => word in ruled) ? ruled : null;
}

function read(spec) {
  return { cpus: spec.cpus, memory: megabytes(spec.memory, "template"), pids: spec.pids };
}

function sum(offer, limits) {
  const total = { cpus: 0, memory: 0 };
  for (const name of Object.keys(limits)) {
    if (offer.services[name].one_shot) continue;
    total.cpus += limits[name].cpus;
    total.memory += limits[name].memory;
  }
  return total;
}

// The figures that are set; `volume` and what is empty stand beside them.
function figures(given, where) {
  const found = {}, from = object(given, where);
  for (const word of Object.keys(from)) {
    const value = from[word];
    if (word === "volume" || value === null || value === "" || value === 0 || value === false) continue;
    if (word === "cpus") found.cpus = number(value, `${where}.cpus`);
    else if (word === "memory") found.memory = megabytes(value, `${where}.memory`);
    else if (word === "pids") found.pids = whole(number(value, `${where}.pids`), `${where}.pids`);
    else invalid(`${where}: ${word.slice(0, 40)} is not one of cpus, memory, pids`);
  }
  return found;
}

function number(value, where) {
  const given = typeof value === "string" && NUMBER.test(value.trim()) ? Number(value) : value;
  if (typeof given !== "number") invalid(`${where} is not a number`);
  if (!(given > 0 && given <= 1000000)) invalid(`${where} is not a positive number`);
  return given;
}

function whole(value, where) {
  if (value !== Math.trunc(value)) invalid(`${where} is not a whole number`);
  return value;
}

function megabytes(value, where) {
  const match = typeof value === "string" ? MEMORY.exec(value.trim()) : null;
  if (!match) invalid(`${where} is not a size such as 256M or 2G`);
  return Number(match[1]) * (match[2].toUpperCase() === "G" ? 1024 : 1);
}

function object(given, where) {
  if (given === null || given === undefined || given === "" || given === 0) return {};
  if (Array.isArray(given) ? given.length : typeof given !== "object") invalid(`${where} is not an object`);
  return Array.isArray(given) ? {} : given;
}

// An object, or an empty one for anything else.
function plain(value) {
  return value && typeof value === "object" && !Array.isArray(value) ? value : {};
}

function optionsOf(offer, given) {
  return Object.keys(offer.options).filter((name) => {
    const option = offer.options[name];
    const text = option.names.map((one) => given[one]).find((one) => one !== undefined && one !== null && one !== "");
    return ON.includes(String(text === undefined ? option.default : text).trim().toLowerCase());
  });
}

function told(limits) {
  return `${limits.cpus} cpus, ${limits.memory}M, ${limits.pids} pids`;
}

function invalid(text) {
  fail("resource_limits", "LIMITS_INVALID", { text: text });
}

function fail(field, code, values) {
  const error = new Error(code);
  error.fault = [field, code, values];
  throw error;
}

module.exports = { demand, plain };
