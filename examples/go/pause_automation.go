// Puts an import automation on an index, reads it, pauses it, tells its status, and shows how a refusal is read.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	pb "automationengine/v1"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// pauseAutomation saves, reads, pauses, asks, and saves something wrong.
func pauseAutomation(ctx context.Context, automations pb.AutomationServiceClient, index string, wanted *pb.ImportAutomation) error {
	saved, err := automations.PutImportAutomation(ctx, &pb.PutImportAutomationRequest{IndexId: index, ImportAutomation: wanted})
	if err != nil {
		return err
	}
	fmt.Printf("saved: %s\n", saved.GetImportAutomation().GetAutomationId())

	got, err := automations.GetImportAutomation(ctx, &pb.GetImportAutomationRequest{IndexId: index})
	if err != nil {
		return err
	}
	found := got.GetImportAutomation()
	fmt.Printf("watches: %s%s every %s\n", found.GetSourcePrefix(), found.GetFilePattern(), found.GetDebounceInterval())

	if _, err := automations.PauseImportAutomation(ctx, &pb.PauseImportAutomationRequest{IndexId: index}); err != nil {
		return err
	}

	asked, err := automations.GetImportAutomationStatus(ctx, &pb.GetImportAutomationStatusRequest{IndexId: index})
	if err != nil {
		return err
	}
	fmt.Printf("status: %s: %s\n", asked.GetStatus().GetState(), asked.GetStatus().GetWhy())

	wrong := proto.Clone(wanted).(*pb.ImportAutomation)
	wrong.SourcePrefix = "../elsewhere/"
	_, err = automations.PutImportAutomation(ctx, &pb.PutImportAutomationRequest{IndexId: index, ImportAutomation: wrong})
	if status.Code(err) != codes.InvalidArgument {
		return err
	}
	for _, violation := range violations(err) {
		fmt.Printf("refused: %s: %s\n", violation.GetField(), violation.GetDescription())
	}
	return nil
}

// violations returns which fields of a request were wrong, and why.
func violations(err error) []*errdetails.BadRequest_FieldViolation {
	for _, detail := range status.Convert(err).Details() {
		if badRequest, ok := detail.(*errdetails.BadRequest); ok {
			return badRequest.GetFieldViolations()
		}
	}
	return nil
}

func run(index, connector, prompt string) error {
	channel, err := grpc.Dial(os.Getenv("AUTOMATION_ENGINE_GRPC"), grpc.WithInsecure())
	if err != nil {
		return err
	}
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-api-key", os.Getenv("AUTOMATION_ENGINE_KEY"))
	return pauseAutomation(ctx, pb.NewAutomationServiceClient(channel), index, &pb.ImportAutomation{
		ConnectorId:      connector,
		SourcePrefix:     "incoming/daily/",
		FilePattern:      proto.String("*.mp4"),
		DebounceInterval: pb.DebounceInterval_DEBOUNCE_INTERVAL_10M,
		PromptPreset:     &pb.PromptPreset{PromptId: prompt},
	})
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: pause_automation INDEX CONNECTOR PROMPT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s\n", status.Code(err), status.Convert(err).Message())
		os.Exit(1)
	}
}
