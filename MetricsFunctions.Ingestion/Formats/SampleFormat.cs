using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats;

/// <summary>A way to write samples down. It keeps nothing between bodies, so one object serves all requests.</summary>
abstract class SampleFormat
{
    /// <summary>Longer than any sample that keeps to the rules, with all its characters escaped, which takes six bytes for one.</summary>
    protected const int LargestSample = 3 * 1024 * 1024;

    /// <summary>How many bytes a sample may take in the body; more are not waited for. A format that is read as a whole has no such bound.</summary>
    public virtual int MaxSampleBytes => int.MaxValue;

    /// <summary>Whether each line stands for itself, so that several cores can read a large body, each a piece of whole lines.</summary>
    public virtual bool IsLines => false;

    /// <summary>How many bytes of a body of lines are whole lines.</summary>
    /// <param name="bytes">What is there of the body, from the beginning of a line.</param>
    public virtual int EndOfLines(ReadOnlySpan<byte> bytes) => bytes.LastIndexOf((byte)'\n') + 1;

    /// <summary>Reads the next bytes of a body.</summary>
    /// <param name="bytes">What is there of the body, from where the last call ended.</param>
    /// <param name="isLast">Whether the body ends with these bytes.</param>
    /// <param name="intake">Where the samples go, and what is wrong with them.</param>
    /// <returns>How many bytes are done with. The others come again, with more behind them; at the end of the body nothing does.</returns>
    public abstract int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake);
}
