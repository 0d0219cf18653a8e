// Hands one scheduled message to the gateway's own webhook: node say.mjs BASE64
const message = Buffer.from(process.argv[2] ?? "", "base64").toString();
const answer = await fetch("http://127.0.0.1:18789/hooks/agent", {
  method: "POST",
  headers: { Authorization: `Bearer ${process.env.OPENCLAW_HOOKS_TOKEN}`, "Content-Type": "application/json" },
  body: JSON.stringify({ message, name: "schedule" }),
});
if (!answer.ok) {
  console.error(`The gateway answered ${answer.status}.`);
  process.exit(1);
}
