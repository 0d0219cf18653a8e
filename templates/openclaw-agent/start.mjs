// Writes the gateway's configuration: config.json, with the model and the chat channel that were ordered.
import { writeFileSync } from "node:fs";

const { env } = process;
const TRIES = 10;
const PAUSE = 3000;

async function offered() {
  const headers = { Authorization: `Bearer ${env.CLOUDFREEDOM_API_KEY}` };
  const url = `${env.ROUTER_BASE_URL.replace(/\/+$/, "")}/models`;
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const { data } = await answer.json();
  if (!data?.[0]?.id) throw new Error("no model is offered");
  return data[0].id;
}

async function firstModel() {
  for (let attempt = 1; ; attempt++) {
    try {
      return await offered();
    } catch (error) {
      console.error(`The Router does not say which models it has: ${error.message}`);
      if (attempt === TRIES) process.exit(1);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

function telegram() {
  const people = (env.ALLOWED_USER_IDS || "").match(/\d+/g);
  return {
    enabled: true,
    botToken: "${TELEGRAM_BOT_TOKEN}",
    groupPolicy: "disabled",
    configWrites: false,
    ...(people ? { dmPolicy: "allowlist", allowFrom: people } : { dmPolicy: "disabled" }),
    ...(env.TELEGRAM_API_BASE ? { apiRoot: env.TELEGRAM_API_BASE } : {}),
  };
}

const config = JSON.parse(Buffer.from(env.CF_CONFIG_B64, "base64"));
const id = env.MODEL || (await firstModel());
config.models.providers.router.models = [
  {
    id,
    name: id,
    input: ["text"],
    contextWindow: Number(env.CONTEXT_WINDOW),
    maxTokens: Number(env.MAX_TOKENS),
  },
];
config.agents.defaults.model = { primary: `router/${id}` };
if (env.TELEGRAM_BOT_TOKEN) {
  config.channels = { telegram: telegram() };
  config.plugins.allow.push("telegram");
}
writeFileSync(env.OPENCLAW_CONFIG_PATH, JSON.stringify(config), { mode: 0o400 });
