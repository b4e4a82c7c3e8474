using System.Text;
using MetricsFunctions.Ingestion.Formats.Otlp;

namespace MetricsFunctions.Tests.Formats.Otlp;

public sealed class MetricNameTests
{
    [Theory]
    [InlineData("requests", "", "requests")]
    [InlineData("http.server.request.duration", "s", "http_server_request_duration_seconds")]
    [InlineData("metrics_functions.request.body.io", "By", "metrics_functions_request_body_io_bytes")]
    [InlineData("jvm:gc", "ms", "jvm:gc_milliseconds")]
    [InlineData("__a..b//c__", "", "a_b_c")]
    [InlineData("Größe", "", "Gr_e")]
    [InlineData("2xx", "", "_2xx")]
    [InlineData("cpu", "1", "cpu_ratio")]
    [InlineData("cpu_ratio", "1", "cpu_ratio")]
    [InlineData("ratio", "1", "ratio")]
    [InlineData("cpu", "%", "cpu_percent")]
    [InlineData("queue", "{request}", "queue")]
    [InlineData("queue", "{a/b}", "queue")]
    [InlineData("rate", "{request}/s", "rate_per_second")]
    [InlineData("rate", "By/s", "rate_bytes_per_second")]
    [InlineData("rate", "By{raw}/{disk}", "rate_bytes")]
    [InlineData("rate_per_second", "1/s", "rate_per_second")]
    [InlineData("fuel", "m3/km", "fuel_m3_per_km")]
    [InlineData("seconds.used", "s", "seconds_used")]
    [InlineData("milliseconds_used", "s", "milliseconds_used_seconds")]
    [InlineData("energy", "kW.h", "energy_kW_h")]
    [InlineData("odd", "{", "odd")]
    [InlineData("odd", "/", "odd")]
    [InlineData("odd", " / s ", "odd_per_second")]
    [InlineData("温度", "Cel", "")]
    [InlineData("_", "", "")]
    [InlineData("", "s", "")]
    public void A_gauge_has_words_and_its_unit(string name, string unit, string expected) =>
        Assert.Equal(expected, Write(name, unit, MetricKind.Gauge, isMonotonic: false));

    [Theory]
    [InlineData("requests", "", "requests_total")]
    [InlineData("requests_total", "", "requests_total")]
    [InlineData("requests.total", "1", "requests_total")]
    [InlineData("cpu.time", "s", "cpu_time_seconds_total")]
    [InlineData("cpu_total", "s", "cpu_seconds_total")]
    [InlineData("total_cpu", "s", "total_cpu_seconds_total")]
    [InlineData("total", "", "total")]
    [InlineData("subtotal", "", "subtotal_total")]
    [InlineData("4xx", "{response}", "_4xx_total")]
    public void A_sum_that_only_grows_ends_in_total(string name, string unit, string expected) =>
        Assert.Equal(expected, Write(name, unit, MetricKind.Sum, isMonotonic: true));

    [Theory]
    [InlineData(MetricKind.Sum)]
    [InlineData(MetricKind.Histogram)]
    [InlineData(MetricKind.ExponentialHistogram)]
    [InlineData(MetricKind.Summary)]
    public void Others_have_neither(object kind) => Assert.Equal("connections", Write("connections", "1", (MetricKind)kind, isMonotonic: false));

    [Fact]
    public void What_is_too_long_fills_the_room()
    {
        Assert.Equal(255, Write(new string('n', 249), "", MetricKind.Sum, isMonotonic: true).Length);
        Assert.Equal(MetricName.Room, Write(new string('n', 250), "", MetricKind.Sum, isMonotonic: true).Length);
        Assert.Equal(MetricName.Room, Write("2" + new string('n', 255), "", MetricKind.Gauge, isMonotonic: false).Length);
        Assert.Equal(MetricName.Room, Write("n", new string('u', 1000), MetricKind.Gauge, isMonotonic: false).Length);
        Assert.Equal("a_b", Write("a" + new string('.', 1000) + "b", new string(' ', 1000), MetricKind.Gauge, isMonotonic: false));
    }

    static string Write(string name, string unit, MetricKind kind, bool isMonotonic)
    {
        var room = new byte[MetricName.Room];
        var length = MetricName.Write(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(unit), kind, isMonotonic, room);
        return Encoding.UTF8.GetString(room, 0, length);
    }
}
