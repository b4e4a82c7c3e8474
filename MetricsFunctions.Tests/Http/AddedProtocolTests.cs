using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Http;
using MetricsFunctions.Ingestion.Samples;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace MetricsFunctions.Tests.Http;

/// <summary>A protocol that is added as CONTRIBUTING.md says: its language and its answers are all it takes, and the rest comes by itself.</summary>
public sealed class AddedProtocolTests(AddedProtocolTests.Host host) : IClassFixture<AddedProtocolTests.Host>
{
    const string AtPath = "/added";

    /// <summary>A language of lines: a name, a blank and a number.</summary>
    sealed class PlainLinesFormat : SampleFormat
    {
        public override int MaxSampleBytes => LargestSample;

        public override bool IsLines => true;

        public override int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
        {
            intake.IsList = true;
            var end = isLast ? bytes.Length : EndOfLines(bytes);
            foreach (var line in bytes[..end].Split((byte)'\n'))
            {
                ReadLine(bytes[line], intake);
                intake.NextItem++;
            }

            return end;
        }

        static void ReadLine(ReadOnlySpan<byte> line, SampleIntake intake)
        {
            if (line.IsEmpty)
            {
                return;
            }

            intake.Refusals.Item = intake.NextItem;
            var nameLength = line.IndexOf((byte)' ');
            if (nameLength < 0 || !Utf8Parser.TryParse(line[(nameLength + 1)..], out double value, out _))
            {
                intake.Refusals.Add(FaultKind.Syntax, "", "must be a name, a blank and a number");
            }
            else if (intake.Names.Check(line[..nameLength]) is { } fault)
            {
                intake.Refusals.Add(FaultKind.Name, "", $"has a name that {fault}");
            }
            else
            {
                intake.Block.Add(line[..nameLength], value, intake.Accepted.Now);
            }
        }
    }

    /// <summary>What is answered where it is spoken.</summary>
    sealed class PlainLinesProtocol : Protocol
    {
        static readonly PlainLinesFormat Lines = new();

        public override string Name => "plain_lines";

        public override bool TryGetFormat(HttpRequest request, [NotNullWhen(true)] out SampleFormat? format, [NotNullWhen(false)] out Problem? problem)
        {
            (format, problem) = (Lines, null);
            return true;
        }

        public override void WriteStored(HttpResponse response, Tally tally) => response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>A host with a path for it.</summary>
    public sealed class Host : IngestionHost
    {
        protected override void Map(WebApplication app)
        {
            var protocol = new PlainLinesProtocol();
            app.Map(AtPath, context => context.RequestServices.GetRequiredService<IngestEndpoint>().HandleAsync(context, protocol));
        }
    }

    [Fact]
    public async Task What_is_sent_is_stored()
    {
        Assert.Equal((HttpStatusCode.NoContent, ""), await PostAsync("added_one 1\nadded_two 2.5\n"u8.ToArray()));
        Assert.Equal("added_one\t1\nadded_two\t2.5", await host.QueryAsync(
            "SELECT metric_name, metric_value FROM metrics.samples WHERE startsWith(metric_name, 'added_') ORDER BY metric_name"));
    }

    [Fact]
    public async Task What_is_wrong_is_told_by_its_line_and_the_rest_is_stored()
    {
        var (status, answer) = await PostAsync("partly 1\nnonsense\npartly 2\n"u8.ToArray());
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("must be a name, a blank and a number", answer, StringComparison.Ordinal);
        Assert.Equal("2", await CountAsync("partly"));
    }

    [Theory]
    [MemberData(nameof(CompressionTests.Encodings), MemberType = typeof(CompressionTests))]
    public async Task Large_and_compressed_bodies_are_read_by_the_piece(string encoding)
    {
        const int Lines = 100_000;
        var body = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, Lines).Select(i => $"large_{encoding} {i}\n")));
        Assert.Equal((HttpStatusCode.NoContent, ""), await PostAsync(Bodies.Compress(encoding, body), encoding));
        Assert.Equal($"{Lines}", await CountAsync($"large_{encoding}"));
    }

    [Fact]
    public async Task A_request_with_a_key_is_stored_once()
    {
        for (var i = 0; i < 2; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, AtPath) { Content = new StringContent("keyed 1") };
            request.Headers.Add("Idempotency-Key", "the same");
            using var response = await host.Http.SendAsync(request);
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        }

        Assert.Equal("1", await CountAsync("keyed"));
    }

    [Fact]
    public async Task Another_method_is_a_405()
    {
        using var response = await host.Http.GetAsync(new Uri(AtPath, UriKind.Relative));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
    }

    async Task<(HttpStatusCode Status, string Answer)> PostAsync(byte[] body, string? encoding = null)
    {
        using var response = await host.PostAsync(body, Bodies.Text, encoding, path: AtPath);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    Task<string> CountAsync(string name) => host.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = '{name}'");
}
