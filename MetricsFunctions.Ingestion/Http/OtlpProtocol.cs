using System.Buffers;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Json;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.Otlp;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Samples;
using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// Metrics over OTLP/HTTP (<see href="https://opentelemetry.io/docs/specs/otlp/#otlphttp"/>), answered in the encoding of the request.
/// </summary>
sealed class OtlpProtocol : Protocol
{
    const string Protobuf = "application/x-protobuf";
    const string Json = "application/json";
    const string BadRequestType = "type.googleapis.com/google.rpc.BadRequest";
    const int UsualAnswerBytes = 512;

    static readonly FrozenDictionary<string, SampleFormat> Formats = new Dictionary<string, SampleFormat>
    {
        [Protobuf] = new OtlpProtobufFormat(),
        [Json] = new OtlpJsonFormat(),
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    static readonly Problem UnknownMediaType = new(
        StatusCodes.Status415UnsupportedMediaType, $"Content-Type must be {Protobuf} or {Json}: set the exporter's protocol to http/protobuf or http/json.")
    {
        Accept = $"{Protobuf}, {Json}",
    };

    public override string Name => "otlp";

    public override bool IsKeyedByContent => true;

    public override bool TryGetFormat(
        HttpRequest request, [NotNullWhen(true)] out SampleFormat? format, [NotNullWhen(false)] out Problem? problem)
    {
        format = MediaType.Find(Formats, request.ContentType);
        problem = format is null ? UnknownMediaType : null;
        return format is not null;
    }

    public override void WriteStored(HttpResponse response, Tally tally) => WritePartialSuccess(response, 0, tally.Warning);

    public override async Task WriteProblemAsync(HttpResponse response, Problem problem)
    {
        if (problem is { Stored: { } stored, Errors: [var first, ..], ErrorCount: var count })
        {
            var refused = $"{(count == 1 ? "1 data point is" : $"{count} data points are")} not stored, the first of them at {first.Place}: {first.Detail}.";
            WritePartialSuccess(response, count, $"{refused} {stored.Warning}".TrimEnd());
            return;
        }

        problem.WriteHead(response);
        var message = problem.Errors is not { Count: > 0 } errors
            ? problem.Detail
            : $"{string.Join(' ', errors.Select(error => $"The body {error.Detail}."))} {problem.Detail}";
        Write(response, protobuf => WriteTo(protobuf, problem, message), json => WriteTo(json, problem, message));
        await response.BodyWriter.FlushAsync(response.HttpContext.RequestAborted);
    }

    static void WritePartialSuccess(HttpResponse response, int rejected, string? message) => Write(
        response,
        protobuf =>
        {
            if (message is null)
            {
                return;
            }

            var partialSuccess = protobuf.Begin(OtlpFields.ExportMetricsServiceResponse.PartialSuccess);
            if (rejected > 0)
            {
                protobuf.WriteVarint(OtlpFields.ExportMetricsPartialSuccess.RejectedDataPoints, (ulong)rejected);
            }

            protobuf.WriteBytes(OtlpFields.ExportMetricsPartialSuccess.ErrorMessage, Encoding.UTF8.GetBytes(message));
            protobuf.End(partialSuccess);
        },
        json =>
        {
            if (message is null)
            {
                return;
            }

            json.WriteStartObject("partialSuccess");
            json.WriteString("rejectedDataPoints", rejected.ToString(CultureInfo.InvariantCulture));
            json.WriteString("errorMessage", message);
            json.WriteEndObject();
        });

    static void Write(HttpResponse response, Action<WireWriter> writeProtobuf, Action<Utf8JsonWriter> writeJson)
    {
        if (MediaType.Find(Formats, response.HttpContext.Request.ContentType) is OtlpProtobufFormat)
        {
            using var protobuf = new WireWriter(UsualAnswerBytes);
            writeProtobuf(protobuf);
            response.ContentType = Protobuf;
            response.ContentLength = protobuf.Written.Length;
            response.BodyWriter.Write(protobuf.Written);
            return;
        }

        response.ContentType = Json;
        using var json = new Utf8JsonWriter(response.BodyWriter);
        json.WriteStartObject();
        writeJson(json);
        json.WriteEndObject();
    }

    // google.rpc.Status, with the one kind of details that the specification asks for.
    static void WriteTo(WireWriter status, Problem problem, string message)
    {
        status.WriteVarint(RpcStatus.Code, (ulong)CodeOf(problem.Status));
        status.WriteBytes(RpcStatus.Message, Encoding.UTF8.GetBytes(message));
        if (problem.Errors is not null)
        {
            var any = status.Begin(RpcStatus.Details);
            status.WriteBytes(RpcStatus.Any.TypeUrl, Encoding.ASCII.GetBytes(BadRequestType));
            var badRequest = status.Begin(RpcStatus.Any.Value);
            foreach (var error in problem.Errors)
            {
                var violation = status.Begin(RpcStatus.BadRequest.FieldViolations);
                status.WriteBytes(RpcStatus.FieldViolation.Description, Encoding.UTF8.GetBytes(error.Detail));
                status.End(violation);
            }

            status.End(badRequest);
            status.End(any);
        }
    }

    static void WriteTo(Utf8JsonWriter status, Problem problem, string message)
    {
        status.WriteNumber("code", (int)CodeOf(problem.Status));
        status.WriteString("message", message);
        if (problem.Errors is not null)
        {
            status.WriteStartArray("details");
            status.WriteStartObject();
            status.WriteString("@type", BadRequestType);
            status.WriteStartArray("fieldViolations");
            foreach (var error in problem.Errors)
            {
                status.WriteStartObject();
                status.WriteString("description", error.Detail);
                status.WriteEndObject();
            }

            status.WriteEndArray();
            status.WriteEndObject();
            status.WriteEndArray();
        }
    }

    // By the statuses that stand beside its constants.
    static RpcCode CodeOf(int status) => status switch
    {
        StatusCodes.Status400BadRequest or StatusCodes.Status415UnsupportedMediaType => RpcCode.InvalidArgument,
        StatusCodes.Status401Unauthorized => RpcCode.Unauthenticated,
        StatusCodes.Status403Forbidden => RpcCode.PermissionDenied,
        StatusCodes.Status405MethodNotAllowed => RpcCode.Unimplemented,
        StatusCodes.Status408RequestTimeout => RpcCode.DeadlineExceeded,
        StatusCodes.Status413PayloadTooLarge => RpcCode.ResourceExhausted,
        StatusCodes.Status503ServiceUnavailable => RpcCode.Unavailable,
        _ => RpcCode.Internal,
    };
}
