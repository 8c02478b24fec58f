// A program as a user of the generated types writes it; test_generated_clients.py compiles and runs it.
// Arguments: the server's URL, a key, the ids of an index, a connector and a prompt.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const [url, key, indexId, connectorId, promptId] = process.argv.slice(2) as [string, string, string, string, string];
const client = createClient<paths>({ baseUrl: url, headers: { "X-API-Key": key } });
const path = { index_id: indexId };

const body: components["schemas"]["ImportAutomationInput"] = {
  connector_id: connectorId,
  source_prefix: "incoming/daily/",
  file_pattern: "*.mp4",
  debounce_interval: "10m",
  prompt_preset: { prompt_id: promptId },
};
const saved = await client.PUT("/api/v2/indexes/{index_id}/automations/import", { params: { path }, body });
check(saved.data !== undefined, JSON.stringify(saved.error));
const interval: "5m" | "10m" | "1h" | "1d" = saved.data.debounce_interval;
check(interval === "10m" && saved.data.prompt_preset.prompt_id === promptId, JSON.stringify(saved.data));

// What was answered can be sent back.
const same = await client.PUT("/api/v2/indexes/{index_id}/automations/import", {
  params: { path, header: { "If-Match": `"${saved.data.etag}"` } },
  body: saved.data,
});
check(same.data?.etag === saved.data.etag, JSON.stringify(same.error));

const paused = await client.POST("/api/v2/indexes/{index_id}/automations/import/pause", {
  params: { path, header: { "Idempotency-Key": "pause-twice" } },
});
check(paused.data?.state === "paused", JSON.stringify(paused.error));

const connectors = await client.GET("/api/v2/connectors");
check(connectors.data?.[0]?.connector_id === connectorId, JSON.stringify(connectors.error));

const missing = await client.GET("/api/v2/indexes/{index_id}/automations/import", {
  params: { path: { index_id: "idx_missing" } },
});
check(missing.response.status === 404, String(missing.response.status));
check(missing.error?.error.request_id === missing.response.headers.get("x-request-id"), JSON.stringify(missing.error));
