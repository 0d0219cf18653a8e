// The listener that everybody writes first, contender J: the PocketBase SDK's subscription, one call to
// Coolify per created stack, the result written back. No memory, no retry, no proof. Prints `ready`.
const { EventSource } = require("eventsource");
const PocketBase = require("pocketbase/cjs");

global.EventSource = EventSource;
const { PB_URL, PB_TOKEN, COOLIFY_URL, COOLIFY_TOKEN, COOLIFY_SERVER, COOLIFY_PROJECT } = process.env;

const pb = new PocketBase(PB_URL);
pb.autoCancellation(false);
pb.authStore.save(PB_TOKEN);

const compose = (record) =>
  JSON.stringify({
    services: {
      bot: { image: "busybox:1.37.0", restart: "unless-stopped", environment: record.config.env_vars },
    },
  });

async function createService(record) {
  const answer = await fetch(`${COOLIFY_URL}/api/v1/services`, {
    method: "POST",
    headers: { Authorization: `Bearer ${COOLIFY_TOKEN}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      name: `j-${record.stack_name}-${record.id}`,
      project_uuid: COOLIFY_PROJECT,
      server_uuid: COOLIFY_SERVER,
      environment_name: "production",
      docker_compose_raw: Buffer.from(compose(record)).toString("base64"),
      instant_deploy: true,
    }),
  });
  if (!answer.ok) throw new Error(`Coolify answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

async function onCreate(record) {
  const stacks = pb.collection("agent_stacks");
  try {
    await stacks.update(record.id, { status: "deploying" });
    const { uuid } = await createService(record);
    await stacks.update(record.id, { status: "running", coolify_service_uuid: uuid });
  } catch (error) {
    console.error(error.message);
    await stacks.update(record.id, { status: "error", error_message: error.message });
  }
}

pb.collection("agent_stacks")
  .subscribe("*", (event) => {
    if (event.action === "create" && event.record.status === "pending") onCreate(event.record);
  })
  .then(() => console.log("ready"));
