using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>Metrics of OpenTelemetry in protobuf.</summary>
sealed class OtlpProtobufFormat : SampleFormat
{
    /// <inheritdoc/>
    public override int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
    {
        // Fields come in any order, so nothing of the body is known until all of it is there.
        if (!isLast)
        {
            return 0;
        }

        Read(bytes, intake);
        return bytes.Length;
    }

    /// <summary>Reads a whole request.</summary>
    /// <param name="request">The message <c>ExportMetricsServiceRequest</c>.</param>
    /// <param name="intake">Where the samples go, and what is wrong with them.</param>
    public static void Read(ReadOnlySpan<byte> request, SampleIntake intake)
    {
        // A request without data is one that succeeds.
        intake.IsList = true;
        var reader = new OtlpReader(intake, stackalloc byte[PointReader.Scratch], stackalloc Bucket[PointReader.ScratchBuckets]);
        reader.Read(request);
    }
}
