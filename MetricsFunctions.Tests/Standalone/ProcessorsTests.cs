using System.Globalization;
using System.Net;
using System.Text;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Tests.Faults;

namespace MetricsFunctions.Tests.Standalone;

/// <summary>What fits into the service is the same on any number of processors, although more of them read a body together.</summary>
public sealed class ProcessorsTests
{
    const int Samples = 20_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(16)]
    public async Task The_rows_of_a_request_fit_up_to_the_same_sample(int processors)
    {
        await using var installation = await Installation.StartAsync(
            ("DOTNET_PROCESSOR_COUNT", $"{processors}"), ("Ingestion__MaxPendingBytes", Rows().ToString(CultureInfo.InvariantCulture)));
        using var http = new HttpClient { BaseAddress = new Uri($"http://{installation.Service}") };
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await PostAsync(http, Samples));
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await PostAsync(http, Samples + 1));
        }

        Assert.Equal($"{3 * Samples}", await installation.QueryAsync("SELECT count() FROM metrics.samples"));
    }

    static long Rows()
    {
        var block = new SampleBlock();
        block.Tags.Add("tag"u8, "value"u8);
        for (var i = 0; i < Samples; i++)
        {
            block.Add("processors"u8, i, 0);
        }

        return block.Bytes;
    }

    // Some pieces for each processor.
    static async Task<HttpStatusCode> PostAsync(HttpClient http, int samples)
    {
        var line = """{"metric_name": "processors", "metric_value": 1, "tags": {"tag": "value"}}""".PadRight(300);
        using var body = new ByteArrayContent(Encoding.ASCII.GetBytes(string.Join('\n', Enumerable.Repeat(line, samples))));
        body.Headers.ContentType = new("application/x-ndjson");
        using var response = await http.PostAsync(new Uri("/api/metrics", UriKind.Relative), body);
        return response.StatusCode;
    }
}
