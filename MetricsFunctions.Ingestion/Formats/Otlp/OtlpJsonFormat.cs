using System.Text;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>Metrics of OpenTelemetry in JSON, which is another spelling of the same protobuf: it is read as such.</summary>
sealed class OtlpJsonFormat : SampleFormat
{
    /// <inheritdoc/>
    public override int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
    {
        if (!isLast)
        {
            return 0;
        }

        var json = bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes;
        using var request = new WireWriter(json.Length + 1, intake.Room);
        var reader = new JsonMessageReader(json, request, stackalloc byte[JsonMessageReader.Scratch]);
        if (reader.Read(OtlpSchema.Request) is { } fault)
        {
            intake.Refusals.RefuseBody(FaultKind.Syntax, fault);
        }
        else
        {
            OtlpProtobufFormat.Read(request.Written, intake);
        }

        return bytes.Length;
    }
}
