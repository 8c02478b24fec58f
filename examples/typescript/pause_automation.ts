// Puts an import automation on an index, reads it, pauses it, tells its status, and shows how a refusal is read.
import { create, enumToJson, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Client, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import {
  AutomationStateSchema,
  DebounceInterval,
  DebounceIntervalSchema,
  ImportAutomationSchema,
} from "./stubs/automation_engine/v1/automation_pb.js";
import { AutomationService } from "./stubs/automation_engine/v1/automation_service_pb.js";
import { BadRequestSchema } from "./stubs/google/rpc/error_details_pb.js";

type ImportAutomation = MessageInitShape<typeof ImportAutomationSchema>;

/** Saves, reads, pauses, asks, and saves something wrong. Throws a `ConnectError` when a call fails. */
async function pauseAutomation(
  automations: Client<typeof AutomationService>,
  indexId: string,
  wanted: ImportAutomation,
): Promise<void> {
  const saved = await automations.putImportAutomation({ indexId, importAutomation: wanted });
  console.log(`saved: ${saved.importAutomation?.automationId}`);

  const got = await automations.getImportAutomation({ indexId });
  const found = got.importAutomation ?? create(ImportAutomationSchema);
  const interval = enumToJson(DebounceIntervalSchema, found.debounceInterval);
  console.log(`watches: ${found.sourcePrefix}${found.filePattern} every ${interval}`);

  await automations.pauseImportAutomation({ indexId });

  const { status } = await automations.getImportAutomationStatus({ indexId });
  console.log(`status: ${status && enumToJson(AutomationStateSchema, status.state)}: ${status?.why}`);

  const wrong = { ...wanted, sourcePrefix: "../elsewhere/" };
  try {
    await automations.putImportAutomation({ indexId, importAutomation: wrong });
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== Code.InvalidArgument) throw error;
    for (const { field, description } of error.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations)) {
      console.log(`refused: ${field}: ${description}`);
    }
  }
}

async function main(indexId: string, connectorId: string, promptId: string): Promise<void> {
  const authenticate: Interceptor = (next) => (request) => {
    request.header.set("x-api-key", process.env.AUTOMATION_ENGINE_KEY ?? "");
    return next(request);
  };
  const transport = createGrpcTransport({
    baseUrl: `http://${process.env.AUTOMATION_ENGINE_GRPC}`,
    interceptors: [authenticate],
    defaultTimeoutMs: 10_000,
  });
  await pauseAutomation(createClient(AutomationService, transport), indexId, {
    connectorId,
    sourcePrefix: "incoming/daily/",
    filePattern: "*.mp4",
    debounceInterval: DebounceInterval.DEBOUNCE_INTERVAL_10M,
    promptPreset: { promptId },
  });
}

try {
  const [indexId = "", connectorId = "", promptId = ""] = process.argv.slice(2);
  await main(indexId, connectorId, promptId);
} catch (error) {
  const { code, rawMessage } = ConnectError.from(error);
  console.error(`${Code[code]}: ${rawMessage}`);
  process.exitCode = 1;
}
