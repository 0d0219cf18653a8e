// `config.env_vars` against the template's JSON Schema, as far as that uses it; a value that works for one stack
// only is looked for in all others.

// [field, code, values] of the first fault, or null. No text holds a value that somebody gave.
function fault(app, record, template) {
  const model = require(`${__hooks}/cloudfreedom/model.js`);
  const schema = model.json(template, "parameters"), config = model.json(record, "config");
  const example = JSON.stringify(model.json(template, "example"));
  if (!schema || !schema.properties) return null;
  const given = config && typeof config === "object" ? config.env_vars || {} : {};
  if ((config && Array.isArray(config)) || typeof given !== "object" || Array.isArray(given)) {
    return ["config", "CONFIG_INVALID", { example: example }];
  }
  const names = Object.keys(given).filter((name) => !isEmpty(given[name]));
  for (const name of schema["x-required"] || []) {
    const meant = (one) => one === name || (schema.properties[one] || {})["x-alias-of"] === name;
    if (!names.some(meant) && !isKept(app, record, name)) {
      return ["config", "VARIABLE_MISSING", { name: name, example: example }];
    }
  }
  for (const code of ["VARIABLE_UNKNOWN", "VARIABLE_INVALID"]) {
    const name = names.find((one) => wrong(schema.properties[one], given[one]) === code);
    const help = (schema.properties[name] || {}).description || "";
    if (name) return ["config", code, { name: shown(name), template: template.id, help: help, example: example }];
  }
  return taken(app, record, model.json(template, "admission"), given);
}

function wrong(property, value) {
  if (!property) return "VARIABLE_UNKNOWN";
  if (property["x-ignored"]) return "";
  if (typeof value !== "string") return "VARIABLE_INVALID";
  const forms = property.anyOf || [];
  return forms.some((form) => fits(form, value)) ? "" : "VARIABLE_INVALID";
}

function fits(form, value) {
  if (form.enum) return form.enum.includes(value.trim().toLowerCase());
  const length = [...value.trim()].length;
  if (form.minLength !== undefined && length < form.minLength) return false;
  if (form.maxLength !== undefined && length > form.maxLength) return false;
  return !form.pattern || new RegExp(form.pattern).test(value);
}

// Another stack holds the same value of a variable that works for one only.
function taken(app, record, offer, given) {
  for (const names of (offer || {}).unique || []) {
    const value = names.map((name) => given[name]).find((one) => typeof one === "string" && one.trim());
    if (!value) continue;
    const same = names.map((name) => `trim(json_extract(config, '$.env_vars.${name}')) = {:value}`).join(" OR ");
    const rows = arrayOf(new DynamicModel({ id: "" }));
    app.db()
      .newQuery(
        "SELECT id FROM agent_stacks WHERE id != {:id} AND desired_state != 'deleted' " +
          `AND json_valid(config) AND (${same}) LIMIT 1`,
      )
      .bind({ id: record.id || "", value: value.trim() })
      .all(rows);
    if (rows.length) return ["config", "VARIABLE_TAKEN", { name: names[0] }];
  }
  return null;
}

// It is kept for the stack or for its tenant.
function isKept(app, record, name) {
  const whose = "name = {:name} && (stack_id = {:stack} || (stack_id = '' && tenant_id = {:tenant}))";
  const values = { name: name, stack: record.id || "-", tenant: record.getString("tenant_id") };
  return app.findRecordsByFilter("stack_secrets", whose, "", 1, 0, values).length > 0;
}

function isEmpty(value) {
  return value === null || (typeof value === "string" && !value.trim());
}

// A name as it may be shown: what is no name could be a secret in the wrong field.
function shown(name) {
  return /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name) ? name : "?";
}

module.exports = { fault };
