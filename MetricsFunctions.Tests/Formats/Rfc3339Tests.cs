using System.Text;
using MetricsFunctions.Ingestion.Formats;

namespace MetricsFunctions.Tests.Formats;

public sealed class Rfc3339Tests
{
    // The first five are the examples of RFC 3339 section 5.8.
    [Theory]
    [InlineData("1985-04-12T23:20:50.52Z", 482196050520)]
    [InlineData("1996-12-19T16:39:57-08:00", 851042397000)]
    [InlineData("1990-12-31T23:59:60Z", 662688000000)]
    [InlineData("1990-12-31T15:59:60-08:00", 662688000000)]
    [InlineData("1937-01-01T12:00:27.87+00:20", -1041337172130)]
    [InlineData("1970-01-01T00:00:00-00:00", 0)]
    [InlineData("2024-02-29T00:00:00.0009Z", 1709164800000)]
    [InlineData("9999-12-31T23:59:59.999999999999999999999999Z", 253402300799999)]
    [InlineData("0001-01-01T00:00:00Z", -62135596800000)]
    public void A_date_time_with_an_offset_is_read(string text, long unixMilliseconds)
    {
        Assert.True(Rfc3339.TryParse(Encoding.UTF8.GetBytes(text), out var read));
        Assert.Equal(unixMilliseconds, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Z")]
    [InlineData("2026-11-23")]
    [InlineData("2026-11-23T17:00Z")]
    [InlineData("2026-11-23T17:00:00")]
    [InlineData("2026-11-23T17:00:00.Z")]
    [InlineData("2026-11-23T17:00:00.5")]
    [InlineData("2026-11-23T17:00:00,5Z")]
    [InlineData("2026-11-23 17:00:00Z")]
    [InlineData("2026-11-23T17:00:00 Z")]
    [InlineData("2026-11-23T17:00:00Zulu")]
    [InlineData("2026-11-23T17:00:00+01")]
    [InlineData("2026-11-23T17:00:00+0100")]
    [InlineData("2026-11-23T17:00:00+24:00")]
    [InlineData("2026-11-23T17:00:00+01:60")]
    [InlineData("2026-11-23T17:00:00*01:00")]
    [InlineData("2026-11-23T24:00:00Z")]
    [InlineData("2026-11-23T17:60:00Z")]
    [InlineData("2026-11-23T17:00:61Z")]
    [InlineData("2026-11-23T17:00:60Z")]
    [InlineData("2026-00-23T17:00:00Z")]
    [InlineData("2026-13-23T17:00:00Z")]
    [InlineData("2026-11-00T17:00:00Z")]
    [InlineData("2026-11-31T17:00:00Z")]
    [InlineData("2100-02-29T17:00:00Z")]
    [InlineData("0000-01-01T00:00:00Z")]
    [InlineData("-026-11-23T17:00:00Z")]
    [InlineData("2O26-11-23T17:00:00Z")]
    [InlineData("+2026-11-23T17:00:00Z")]
    [InlineData("20261123T170000Z")]
    [InlineData("٢٠٢٦-11-23T17:00:00Z")]
    public void Anything_else_is_refused(string text) =>
        Assert.False(Rfc3339.TryParse(Encoding.UTF8.GetBytes(text), out _));
}
