using System.Globalization;
using System.Text;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>Many samples in one NDJSON body, which the service and ClickHouse itself both take as it is.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Rows">How many samples.</param>
/// <param name="Columns">The columns that a line fills.</param>
/// <param name="Line">The line of a sample, by its number.</param>
sealed record Batch(string Name, int Rows, string Columns, Func<int, string> Line)
{
    /// <summary>Name and value.</summary>
    public static Batch Smallest(int rows) => new($"{rows:N0} rows of name and value", rows, "metric_name, metric_value", row =>
        string.Create(CultureInfo.InvariantCulture, $"{{\"metric_name\":\"cpu_load\",\"metric_value\":{row % 100_000 / 1000.0:0.000}}}\n"));

    /// <summary>All that a sample can have: 400 series, a sample a second of each.</summary>
    public static Batch Full(int rows)
    {
        var end = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        return new Batch($"{rows:N0} rows with timestamp and three tags", rows, "metric_name, metric_value, timestamp, tags", row => string.Create(
            CultureInfo.InvariantCulture,
            $"{{\"metric_name\":\"cpu_load\",\"metric_value\":{row % 100_000 / 1000.0:0.000},\"timestamp\":{end - (rows - row) / 400 * 1000},\"tags\":{{\"host\":\"a{row % 100}\",\"core\":\"{row / 100 % 4}\",\"dc\":\"fra1\"}}}}\n"));
    }

    /// <summary>The body.</summary>
    public byte[] ToBody()
    {
        var body = new StringBuilder();
        for (var row = 0; row < Rows; row++)
        {
            body.Append(Line(row));
        }

        return Encoding.UTF8.GetBytes(body.ToString());
    }
}

/// <summary>What became of a batch.</summary>
/// <param name="Batch">What was sent.</param>
/// <param name="BodyBytes">How long its body was.</param>
/// <param name="Service">Milliseconds to the service's answer, in ascending order.</param>
/// <param name="Straight">The same for ClickHouse's.</param>
/// <param name="PeakMemory">The most resident memory that the service's process ever had.</param>
sealed record BatchMeasurement(Batch Batch, int BodyBytes, double[] Service, double[] Straight, long PeakMemory);
