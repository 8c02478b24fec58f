import automationengine.v1.AutomationServiceGrpc;
import automationengine.v1.AutomationServiceGrpc.AutomationServiceBlockingStub;
import automationengine.v1.DebounceInterval;
import automationengine.v1.GetImportAutomationRequest;
import automationengine.v1.GetImportAutomationStatusRequest;
import automationengine.v1.ImportAutomation;
import automationengine.v1.PauseImportAutomationRequest;
import automationengine.v1.PromptPreset;
import automationengine.v1.PutImportAutomationRequest;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Puts an import automation on an index, reads it, pauses it, tells its status, and shows how a refusal is read. */
public final class PauseAutomation {
    private static final Metadata.Key<String> API_KEY = Metadata.Key.of("x-api-key", Metadata.ASCII_STRING_MARSHALLER);

    /** Saves, reads, pauses, asks, and saves something wrong. */
    static void pauseAutomation(AutomationServiceBlockingStub automations, String index, ImportAutomation wanted)
            throws InvalidProtocolBufferException {
        var put = PutImportAutomationRequest.newBuilder().setIndexId(index).setImportAutomation(wanted).build();
        var saved = automations.putImportAutomation(put).getImportAutomation();
        System.out.println("saved: " + saved.getAutomationId());

        var get = GetImportAutomationRequest.newBuilder().setIndexId(index).build();
        var found = automations.getImportAutomation(get).getImportAutomation();
        System.out.println("watches: " + found.getSourcePrefix() + found.getFilePattern() + " every " + found.getDebounceInterval());

        automations.pauseImportAutomation(PauseImportAutomationRequest.newBuilder().setIndexId(index).build());

        var ask = GetImportAutomationStatusRequest.newBuilder().setIndexId(index).build();
        var status = automations.getImportAutomationStatus(ask).getStatus();
        System.out.println("status: " + status.getState() + ": " + status.getWhy());

        var wrong = put.toBuilder();
        wrong.getImportAutomationBuilder().setSourcePrefix("../elsewhere/");
        try {
            automations.putImportAutomation(wrong.build());
        } catch (StatusRuntimeException error) {
            if (error.getStatus().getCode() != Status.Code.INVALID_ARGUMENT) {
                throw error;
            }
            for (var violation : violations(error)) {
                System.out.println("refused: " + violation.getField() + ": " + violation.getDescription());
            }
        }
    }

    /** Returns which fields of a request were wrong, and why. */
    static List<BadRequest.FieldViolation> violations(StatusRuntimeException error) throws InvalidProtocolBufferException {
        for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
            if (detail.is(BadRequest.class)) {
                return detail.unpack(BadRequest.class).getFieldViolationsList();
            }
        }
        return List.of();
    }

    /** Runs on the arguments INDEX CONNECTOR PROMPT. */
    public static void main(String[] arguments) throws Exception {
        ManagedChannel channel = ManagedChannelBuilder.forTarget(System.getenv("AUTOMATION_ENGINE_GRPC")).usePlaintext().build();
        Metadata headers = new Metadata();
        headers.put(API_KEY, System.getenv("AUTOMATION_ENGINE_KEY"));
        var automations = AutomationServiceGrpc.newBlockingStub(channel)
                .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
                .withDeadlineAfter(30, TimeUnit.SECONDS);
        var wanted = ImportAutomation.newBuilder()
                .setConnectorId(arguments[1])
                .setSourcePrefix("incoming/daily/")
                .setFilePattern("*.mp4")
                .setDebounceInterval(DebounceInterval.DEBOUNCE_INTERVAL_10M)
                .setPromptPreset(PromptPreset.newBuilder().setPromptId(arguments[2]))
                .build();
        try {
            pauseAutomation(automations, arguments[0], wanted);
        } catch (StatusRuntimeException error) {
            System.err.println(error.getStatus().getCode() + ": " + error.getStatus().getDescription());
            System.exit(1);
        } finally {
            channel.shutdownNow();
        }
    }
}
