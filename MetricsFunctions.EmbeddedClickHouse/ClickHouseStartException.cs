namespace MetricsFunctions.EmbeddedClickHouse;

/// <summary>The embedded ClickHouse server did not start. The message is one line: what is wrong and what to do.</summary>
public sealed class ClickHouseStartException : Exception
{
    /// <summary>Creates the exception with the line to show.</summary>
    /// <param name="message">What is wrong and what to do.</param>
    /// <param name="innerException">What it came from, if anything.</param>
    public ClickHouseStartException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
