// Gives the agent one task: the base64 text of the only argument. With Telegram, the first listed person is answered.
const { argv, env } = process;
const message = Buffer.from(argv[2], "base64").toString();
const [person] = (env.ALLOWED_USER_IDS || "").match(/\d+/) ?? [];
const target = env.TELEGRAM_BOT_TOKEN && person ? { channel: "telegram", to: person } : {};

const answer = await fetch("http://127.0.0.1:18789/hooks/agent", {
  method: "POST",
  headers: { Authorization: `Bearer ${env.OPENCLAW_HOOKS_TOKEN}`, "Content-Type": "application/json" },
  body: JSON.stringify({ message, name: "Schedule", wakeMode: "next-heartbeat", ...target }),
});
console.log(await answer.text());
process.exit(answer.ok ? 0 : 1);
