using System.Net;
using System.Net.Http.Headers;
using System.Text;
using CsCheck;
using MetricsFunctions.Tests.Formats;
using MetricsFunctions.Tests.Formats.Metrics;

namespace MetricsFunctions.Tests.Http;

/// <summary>A compressed body is stored, however it is cut on its way, and refused with anything behind its end.</summary>
public sealed class CompressionPropertyTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    // No frame is whole in so few bytes of its beginning.
    const int LongestBeginning = 9;

    [Theory]
    [MemberData(nameof(CompressionTests.Encodings), MemberType = typeof(CompressionTests))]
    public async Task A_compressed_body_ends_where_its_stream_ends(string encoding)
    {
        var stored = 0;
        var lines = Gen.Select(Gen.Frequency((10, Gen.Int[1, 20]), (10, Gen.Int[1, 1_000]), (1, Gen.Const(6_000))), Gen.Int, (count, first) => string.Concat(
            Enumerable.Range(0, count).Select(i => $"{{\"metric_name\":\"{encoding}\",\"metric_value\":{first + (long)i}}}\n")));
        var other = lines.Select(Compress);
        var behind = Gen.OneOf(
            Gen.OneOfConst("\u001f", "\0", "\n", "\r\n", " ").Select(Encoding.UTF8.GetBytes),
            Gen.Const<byte[]>([0x8B]),
            Gen.Byte.Array[1, 40],
            Gen.Byte.Array[1, 20_000],
            lines.Select(Encoding.UTF8.GetBytes),
            Gen.Select(other, Gen.Int[1, LongestBeginning], (stream, length) => stream[..length]),
            other.Select<byte[], byte[]>(stream => [(byte)(stream[0] ^ 0x80), .. stream[1..]]));

        await Gen.Select(lines, behind, GenBody.Pieces, Gen.Bool).SampleAsync(
            async (text, rest, lengths, isCutAtEnd) =>
            {
                var stream = Compress(text);
                var (status, answer) = await PostAsync(encoding, Cut(stream, lengths));
                Assert.True(status == HttpStatusCode.OK, answer);
                Interlocked.Add(ref stored, text.Count(letter => letter == '\n'));

                (status, answer) = await PostAsync(encoding, isCutAtEnd ? [.. Cut(stream, lengths), .. Cut(rest, lengths)] : Cut([.. stream, .. rest], lengths));
                Assert.True(status == HttpStatusCode.BadRequest, answer);
                Assert.Contains("Content-Encoding", answer, StringComparison.Ordinal);
            },
            iter: Fuzz.Bodies(300) / 10,
            print: input => $"{Convert.ToBase64String(Compress(input.Item1))} {Convert.ToBase64String(input.Item2)} {string.Join(',', input.Item3)} {input.Item4}");

        Assert.Equal($"{stored}", await host.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = '{encoding}'"));

        byte[] Compress(string text) => Bodies.Compress(encoding, Encoding.UTF8.GetBytes(text));
    }

    async Task<(HttpStatusCode Status, string Answer)> PostAsync(string encoding, IEnumerable<byte[]> pieces)
    {
        using var content = new Pieces(pieces);
        content.Headers.ContentType = new MediaTypeHeaderValue(Bodies.Ndjson);
        content.Headers.ContentEncoding.Add(encoding);
        using var response = await host.Http.PostAsync(new Uri("/api/metrics", UriKind.Relative), content);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    static IEnumerable<byte[]> Cut(byte[] bytes, int[] lengths)
    {
        var at = 0;
        foreach (var length in lengths.Append(bytes.Length))
        {
            var piece = bytes[at..Math.Min(at + length, bytes.Length)];
            at += piece.Length;
            if (piece.Length > 0)
            {
                yield return piece;
            }
        }
    }

    /// <summary>A body without a length, each piece sent by itself.</summary>
    sealed class Pieces(IEnumerable<byte[]> pieces) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (var piece in pieces)
            {
                await stream.WriteAsync(piece);
                await stream.FlushAsync();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
