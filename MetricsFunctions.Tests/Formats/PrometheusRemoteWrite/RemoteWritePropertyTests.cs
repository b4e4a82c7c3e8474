using CsCheck;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.PrometheusRemoteWrite;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Tests.Formats.Metrics;

namespace MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

/// <summary>Whatever the request and wherever it is cut, the readers of remote write find in it what <see cref="PlainWrites"/> does.</summary>
public sealed class RemoteWritePropertyTests
{
    static readonly AcceptedTime Accepted = new(GenBody.Now, TimeSpan.FromDays(365));

    [Fact]
    public void A_request_of_version_1_means_what_a_plain_reader_says() => Compare(GenWrites.Version1, new WriteRequestFormat(), 1);

    [Fact]
    public void A_request_of_version_2_means_what_a_plain_reader_says() => Compare(GenWrites.Version2, new WriteRequest2Format(), 2);

    static void Compare(Gen<byte[]> bodies, SampleFormat format, int version)
    {
        var (good, stored, refused) = (0, 0, 0);
        Gen.Select(bodies, GenBody.Pieces).Sample(
            (body, pieces) =>
            {
                var plain = new PlainWrites(body, version, Accepted);
                var found = Reading.InPieces(format, body, Accepted, pieces);
                if (found.Refusals.IsOfBody || plain.IsBroken)
                {
                    Assert.True(found.Refusals.IsOfBody);
                    Assert.True(plain.IsBroken || plain.HasBrokenHistogram);
                    return;
                }

                Assert.Equal(plain.Refused, found.Refusals.Count);
                int[] faulty = [.. found.Refusals.Listed.Select(refusal => refusal.Item!.Value).Distinct()];

                // Of more than a hundred faults the last are not listed.
                Assert.Equal(found.Refusals.IsFull ? plain.Faulty.Intersect(faulty) : plain.Faulty, faulty);
                Assert.Equal(plain.Rows.Order(StringComparer.Ordinal), Reading.RowsOf(found.Block).Order(StringComparer.Ordinal));
                Assert.Equal(plain.Skipped, found.Tally.Skipped);
                Assert.Equal(plain.Sent, found.Tally.Sent);
                Interlocked.Increment(ref good);
                Interlocked.Add(ref stored, plain.Rows.Count);
                Interlocked.Add(ref refused, plain.Refused);
            },
            iter: Fuzz.Bodies(2_000),
            print: input => $"{Convert.ToBase64String(input.Item1)} {string.Join(',', input.Item2)}");

        // Bodies that are all refused would prove little.
        Assert.InRange(good, Fuzz.Bodies(2_000) / 8, int.MaxValue);
        Assert.InRange(stored, Fuzz.Bodies(2_000) / 2, int.MaxValue);
        Assert.InRange(refused, Fuzz.Bodies(2_000) / 8, int.MaxValue);
    }
}
