using CsCheck;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.Metrics;
using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Tests.Formats.Metrics;

/// <summary>Whatever the body and wherever it is cut, a format finds in it what <see cref="PlainJson"/> does.</summary>
public sealed class JsonPropertyTests
{
    static readonly AcceptedTime Accepted = new(GenBody.Now, TimeSpan.FromDays(365));

    [Fact]
    public void A_JSON_text_means_what_a_plain_reader_says() =>
        Compare(GenBody.Json, new JsonFormat(), PlainJson.OfJson);

    [Fact]
    public void What_its_sender_does_not_call_JSON_means_what_a_plain_reader_says() =>
        Compare(GenBody.Guess, new JsonFormat(isGuess: true), PlainJson.OfGuess);

    [Fact]
    public void Lines_mean_what_a_plain_reader_says() =>
        Compare(GenBody.Lines, new NdjsonFormat(), PlainJson.OfLines);

    [Fact]
    public void Several_readers_find_the_same_faults_as_one() => Gen.Select(GenBody.Lines, GenBody.Lines, GenBody.Lines).Sample(
        (one, two, three) =>
        {
            byte[][] pieces = [[.. one, (byte)'\n'], [.. two, (byte)'\n'], three];
            var together = Reading.InPieces(new NdjsonFormat(), [.. pieces.SelectMany(piece => piece)], Accepted, []);

            var intake = new SampleIntake();
            intake.Begin(Accepted, default);
            var readers = new LineReaders(new NdjsonFormat(), intake);
            foreach (var piece in pieces)
            {
                var lines = new RentedBytes(room: null, piece.Length);
                piece.CopyTo(lines.Array, 0);
                readers.AddAsync(lines, piece.Length, isLast: piece == three).AsTask().GetAwaiter().GetResult();
            }

            readers.EndAsync(intake).GetAwaiter().GetResult();
            intake.End();
            Assert.Equal(together.Refusals.Count, intake.Refusals.Count);
            Assert.Equal(together.Refusals.Listed, intake.Refusals.Listed);
            Assert.Equal(together.Block.Count, intake.Block.Count);
        },
        iter: Fuzz.Bodies(600) / 3);

    static void Compare(Gen<byte[]> bodies, SampleFormat format, Func<byte[], AcceptedTime, Reading> plain) => Gen.Select(bodies, GenBody.Pieces).Sample(
        (body, pieces) => plain(body, Accepted).AssertEqual(Reading.InPieces(format, body, Accepted, pieces)),
        iter: Fuzz.Bodies(2_000),
        print: input => $"{Convert.ToBase64String(input.Item1)} {string.Join(',', input.Item2)}");
}
