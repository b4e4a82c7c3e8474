using System.Numerics;
using System.Text;
using CsCheck;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.InfluxLine;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Tests.Formats.Metrics;

namespace MetricsFunctions.Tests.Formats.InfluxLine;

/// <summary>Whatever the body and wherever it is cut, the reader of line protocol finds in it what <see cref="PlainLines"/> does.</summary>
public sealed class InfluxLinePropertyTests
{
    static readonly AcceptedTime Accepted = new(GenBody.Now, TimeSpan.FromDays(365));
    static readonly InfluxLineFormat Format = new(TimeUnit.Millisecond);

    [Fact]
    public void A_body_means_what_a_plain_reader_says() => Gen.Select(GenLines.Bodies, GenBody.Pieces).Sample(
        (body, pieces) => AssertEqual(new PlainLines(body, Accepted, 1_000_000), Reading.InPieces(Format, body, Accepted, pieces)),
        iter: Fuzz.Bodies(2_000),
        print: input => $"{Convert.ToBase64String(input.Item1)} {string.Join(',', input.Item2)}");

    [Fact]
    public async Task A_large_body_on_all_cores_means_what_a_plain_reader_says()
    {
        // Larger than several pieces, so with strings and line breaks in them at every place where pieces meet.
        for (var i = 0; i < Math.Max(4, Fuzz.Bodies(10_000) / 10_000); i++)
        {
            var random = new Random(i);
            var lines = new StringBuilder();
            while (lines.Length < 5 * PieceReader.PieceBytes)
            {
                lines.Append(i % 2 == 0 || random.Next(500) == 0
                    ? $"m,t={random.Next(9)} s=\"{new string(random.Next(3) == 0 ? '\n' : '=', random.Next(200))}\",f={random.Next(100)}i\n"
                    : $"m,t={random.Next(9)} f={random.Next(100)}i\n");
            }

            var body = Encoding.UTF8.GetBytes(lines.ToString());
            if (i >= 2)
            {
                body[random.Next(body.Length)] = (byte)'"';
            }

            var intake = new SampleIntake();
            intake.Begin(Accepted, default);
            using var stream = new MemoryStream(body);
            using var turn = new ReadingTurn(CancellationToken.None);
            await PieceReader.ReadAsync(stream, body.Length, Format, intake, turn, CancellationToken.None);
            intake.End();
            AssertEqual(new PlainLines(body, Accepted, 1_000_000), intake);
        }
    }

    [Fact]
    public void Time_is_rounded_down_to_the_millisecond_in_every_unit() => Gen.Select(
        Gen.OneOf(Gen.Long, Gen.Long[-2_000_000, 2_000_000]),
        Gen.OneOfConst((TimeUnit.Nanosecond, 1L), (TimeUnit.Microsecond, 1000L), (TimeUnit.Millisecond, 1_000_000L), (TimeUnit.Second, 1_000_000_000L), (TimeUnit.Minute, 60_000_000_000L), (TimeUnit.Hour, 3_600_000_000_000L))).Sample(
        (timestamp, unit) =>
        {
            // Exact, as long as the division has no remainder.
            var nanoseconds = (BigInteger)timestamp * unit.Item2;
            var exact = (nanoseconds - (((nanoseconds % 1_000_000) + 1_000_000) % 1_000_000)) / 1_000_000;
            Assert.Equal(BigInteger.Clamp(exact, long.MinValue, long.MaxValue), unit.Item1.ToMilliseconds(timestamp));
        });

    static void AssertEqual(PlainLines plain, SampleIntake found)
    {
        Assert.Equal(plain.Faulty.Count, found.Refusals.Count);
        Assert.Equal(plain.Faulty.Take(Refusals.MaxListed), found.Refusals.Listed.Select(refusal => refusal.Item!.Value));
        Assert.Equal(plain.Rows.Order(StringComparer.Ordinal), Reading.RowsOf(found.Block).Order(StringComparer.Ordinal));
        Assert.Equal(plain.Skipped, found.Tally.Skipped);
    }
}
