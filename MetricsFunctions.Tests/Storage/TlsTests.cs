using System.Net;
using System.Security.Authentication;
using System.Text;
using ClickHouse.Driver;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Tests.Standalone;

namespace MetricsFunctions.Tests.Storage;

/// <summary>The connection to ClickHouse over TLS, from the real process, which trusts whom its machine trusts.</summary>
public sealed class TlsTests(TlsTests.Server server) : IClassFixture<TlsTests.Server>
{
    public sealed class Server : IAsyncLifetime
    {
        readonly TemporaryFolder _data = new();

        public ClickHouseServer ClickHouse { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            ClickHouse = await ClickHouseServer.StartAsync(new ClickHouseServerOptions { DataPath = _data.Path });
            using var client = new ClickHouseClient(ClickHouse.ConnectionString);
            await Schema.ApplyAsync(client);
        }

        public async ValueTask DisposeAsync()
        {
            await ClickHouse.DisposeAsync();
            _data.Dispose();
        }
    }

    const string NotTrusted = "the TLS certificate of ClickHouse is not trusted, or it does not speak TLS";

    [Fact]
    public async Task A_certificate_of_a_trusted_authority_is_taken()
    {
        await using var proxy = new TlsProxy(server.ClickHouse.HttpPort);
        using var folder = new TemporaryFolder();
        var authority = Path.Combine(folder.Path, "authority.pem");
        await File.WriteAllTextAsync(authority, proxy.AuthorityPem);

        var (status, answer, _) = await PostAsync(proxy.Port, ("SSL_CERT_FILE", authority));
        Assert.Equal((HttpStatusCode.OK, """{"message":"ok"}"""), (status, answer));
        Assert.Equal("1", await ClickHouseSql.QueryAsync(server.ClickHouse.HttpPort, "SELECT count() FROM metrics.samples WHERE metric_name = 'over_tls'"));
        Assert.NotEqual(0, proxy.Requests);
        Assert.Contains(proxy.Version, new[] { SslProtocols.Tls12, SslProtocols.Tls13 });
    }

    [Theory]
    [InlineData("localhost", false, "errors in the certificate chain")]
    [InlineData("another.test", true, "RemoteCertificateNameMismatch")]
    public async Task Another_certificate_is_refused_before_anything_is_sent(string host, bool isTrusted, string reason)
    {
        await using var proxy = new TlsProxy(server.ClickHouse.HttpPort, host);
        using var folder = new TemporaryFolder();
        var authority = Path.Combine(folder.Path, "authority.pem");
        await File.WriteAllTextAsync(authority, proxy.AuthorityPem);

        var (status, answer, log) = await PostAsync(proxy.Port, isTrusted ? ("SSL_CERT_FILE", authority) : ("UNRELATED", ""));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains(NotTrusted, answer, StringComparison.Ordinal);
        Assert.Contains($"Samples cannot be stored: {NotTrusted}. ", log, StringComparison.Ordinal);
        Assert.Contains(reason, log, StringComparison.Ordinal);
        Assert.Contains("set SSL_CERT_FILE to its certificate", log, StringComparison.Ordinal);
        Assert.Equal(0, proxy.Requests);
    }

    [Fact]
    public async Task A_port_that_does_not_speak_TLS_is_told()
    {
        var (status, _, log) = await PostAsync(server.ClickHouse.HttpPort, ("UNRELATED", ""));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains($"Samples cannot be stored: {NotTrusted}. ", log, StringComparison.Ordinal);
        Assert.Contains("that Port is the one for HTTPS", log, StringComparison.Ordinal);
    }

    // The connection string is that of ClickHouse Cloud, but for its host and port.
    async Task<(HttpStatusCode Status, string Answer, string Log)> PostAsync(int port, (string, string) setting)
    {
        var url = $"http://127.0.0.1:{Ports.Free()}";
        using var standalone = StandaloneProcess.Start(
            ("Urls", url),
            ("Ingestion__AllowAnonymous", "true"),
            ("ConnectionStrings__ClickHouse", $"Host=localhost;Port={port};Protocol=https;Username={Admin.User};Password={server.ClickHouse.AdminPassword}"),
            setting);
        await standalone.StartedAsync();
        using var http = new HttpClient();
        using var content = new StringContent("""{"metric_name": "over_tls", "metric_value": 1}""", Encoding.UTF8, "application/json");
        using var response = await http.PostAsync(new Uri($"{url}/api/metrics"), content);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.Equal(0, await standalone.TerminateAsync());
        return (response.StatusCode, answer, standalone.Output);
    }
}
