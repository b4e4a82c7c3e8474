using System.Net;
using System.Text;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion;
using MetricsFunctions.Tests.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Moq;

namespace MetricsFunctions.Tests.Standalone;

/// <summary>Keys in each place where senders have them, right ones and wrong ones, and a password: none is in a log or a span, however much is asked of both.</summary>
public sealed class UntoldKeyTests
{
    const string Key = "key-that-is-right";
    const string WrongKey = "key-that-is-wrong";
    const string Password = "password-of-ClickHouse";
    const string LastTrace = "0af7651916cd43dd8448eb211c80319c";

    // The more exact one counts, and that of a provider most.
    static readonly string[] Categories =
    [
        "Default", "Microsoft", "Microsoft.AspNetCore", "Microsoft.AspNetCore.Hosting.Diagnostics", "Microsoft.AspNetCore.Server.Kestrel.BadRequests",
    ];

    static readonly string[] Targets =
    [
        "/write?u=user&p={0}",
        "/write?%70={0}&db=d",
        "//api/write?p={0}&precision=none",
        "/query?q=SHOW+DATABASES&p={0}",
        "/api/metrics?p={0}",
        "/api/v2/write?token={0}",
        "/nothing/here?p={0}",
        "/api/health/ready?p={0}",
        "/%00?p={0}",
    ];

    // The server refuses them before anyone else sees them.
    static readonly string[] Malformed =
    [
        "POST /write?p={0}",
        "POST /write?p={0} HTTP/9.9\r\nHost: h\r\n",
        "POST write?p={0} HTTP/1.1\r\nHost: h\r\n",
        "POST /write?p={0} HTTP/1.1\r\nHost: not a host {0}\r\n",
        "POST /write HTTP/1.1\r\nHost: h\r\nAuthorization Bearer {0}\r\n",
        "POST /write HTTP/1.1\r\nHost: h\r\nAuthorization : Bearer {0}\r\n",
        "POST /write HTTP/1.1\r\nHost: h\r\nX-Api-Key: {0}\0\r\n",
        "POST /write?p={0} HTTP/1.1\r\nHost: h\r\nContent-Length: {0}\r\n",
        "POST /write?p={0} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{0}",
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_tells_a_key_or_a_password(bool clickHouseRefuses)
    {
        using var data = new TemporaryFolder();
        await using var clickHouse = await ClickHouseServer.StartAsync(new ClickHouseServerOptions { DataPath = data.Path });
        await using var receiver = await OtlpReceiver.StartAsync();
        var (port, port2) = (Ports.Free(), Ports.Free());
        using var own = new TemporaryFolder();
        using var standalone = StandaloneProcess.Start(
        [
            ("Kestrel__Endpoints__A__Url", $"http://127.0.0.1:{port}"),
            ("Kestrel__Endpoints__B__Url", $"http://127.0.0.1:{port2}"),
            ("Kestrel__Endpoints__B__Protocols", "Http2"),
            ("Ingestion__ApiKeys__0", Key),
            ("Ingestion__WriteTimeout", "00:00:02"),
            clickHouseRefuses
                ? ("ConnectionStrings__ClickHouse", $"Host=127.0.0.1;Port={clickHouse.HttpPort};Username=someone;Password={Password}")
                : ("EmbeddedClickHouse__DataPath", own.Path),
            ("EmbeddedClickHouse__HttpPort", $"{Ports.Free()}"),
            ("EmbeddedClickHouse__TcpPort", $"{Ports.Free()}"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", $"{receiver.Url}"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
            ("OTEL_BSP_SCHEDULE_DELAY", "200"),
            ("Logging__Console__FormatterOptions__IncludeScopes", "true"),
            .. Categories.SelectMany(category => new[] { ($"Logging__LogLevel__{category}", "Trace"), ($"Logging__Console__LogLevel__{category}", "Trace") }),
        ]);
        await standalone.StartedAsync();

        foreach (var key in new[] { Key, WrongKey })
        {
            foreach (var request in Malformed)
            {
                Assert.StartsWith("HTTP/1.1 4", (await AnswerTests.SendAsync(port, request.Replace("{0}", key, StringComparison.Ordinal) + "\r\n\r\n")).Replace("505", "4", StringComparison.Ordinal), StringComparison.Ordinal);
            }

            foreach (var service in new[] { port, port2 })
            {
                await SendAllAsync(service, service == port ? HttpVersion.Version11 : HttpVersion.Version20, key);
            }
        }

        await SendAsync(port, HttpVersion.Version11, new HttpRequestMessage { Headers = { { "traceparent", $"00-{LastTrace}-b7ad6b7169203331-01" } } }, $"/write?p={Key}");
        await Wait.UntilAsync(() => Task.FromResult(receiver.Exports.Any(export =>
            export.Path == "/v1/traces" && export.Body.Contains(Encoding.Latin1.GetString(Convert.FromHexString(LastTrace)), StringComparison.Ordinal))));
        Assert.Equal(0, await standalone.TerminateAsync());

        // All levels were on, and each part had something to tell.
        Assert.Contains("dbug: Microsoft.AspNetCore.Server.Kestrel", standalone.Output, StringComparison.Ordinal);
        Assert.Contains("trce: ", standalone.Output, StringComparison.Ordinal);
        Assert.Contains(clickHouseRefuses ? "Samples cannot be stored" : "Samples refused", standalone.Output, StringComparison.Ordinal);
        foreach (var text in receiver.Exports.Select(export => export.Body).Append(standalone.Output))
        {
            foreach (var secret in new[] { Key, WrongKey, Password, Basic(Key), Basic(WrongKey), Convert.ToBase64String(Encoding.UTF8.GetBytes($"someone:{Password}")) })
            {
                Assert.DoesNotContain(secret, text, StringComparison.OrdinalIgnoreCase);
            }
        }
    }

    // As in the Functions worker, which has no levels of its own; and the most exact rule that there can be.
    [Fact]
    public void Lines_that_repeat_a_request_are_dropped_by_every_rule_and_by_none()
    {
        var provider = new Mock<ILoggerProvider>();
        var logger = new Mock<ILogger>();
        provider.Setup(one => one.CreateLogger(It.IsAny<string>())).Returns(logger.Object);
        logger.Setup(one => one.IsEnabled(It.IsAny<LogLevel>())).Returns(true);
        const string Requests = "Microsoft.AspNetCore.Hosting.Diagnostics";
        Action<ILoggingBuilder>[] levels =
        [
            logging => logging.SetMinimumLevel(LogLevel.Trace),
            logging => logging.AddFilter(Requests, LogLevel.Trace),
            logging => logging.Services.Configure<LoggerFilterOptions>(options =>
                options.Rules.Add(new LoggerFilterRule(provider.Object.GetType().FullName, Requests, LogLevel.Trace, null))),
            logging => logging.AddFilter(_ => true),
        ];
        foreach (var level in levels)
        {
            var services = new ServiceCollection().AddIngestion().AddLogging(logging => level(logging.AddProvider(provider.Object)));
            using var built = services.BuildServiceProvider();
            var requests = built.GetRequiredService<ILoggerFactory>().CreateLogger(Requests);
            Assert.Equal((false, true), (requests.IsEnabled(LogLevel.Information), requests.IsEnabled(LogLevel.Warning)));
            Assert.True(built.GetRequiredService<ILoggerFactory>().CreateLogger("Microsoft.AspNetCore").IsEnabled(LogLevel.Information));
        }
    }

    static async Task SendAllAsync(int port, Version version, string key)
    {
        foreach (var target in Targets)
        {
            await SendAsync(port, version, new HttpRequestMessage(), target.Replace("{0}", key, StringComparison.Ordinal));
        }

        foreach (var header in new[] { $"Authorization: Bearer {key}", $"Authorization: Token {key}", $"Authorization: Basic {Basic(key)}", $"X-Api-Key: {key}", $"Cookie: key={key}" })
        {
            foreach (var target in new[] { "/write", "/api/metrics", "/nothing/here" })
            {
                var request = new HttpRequestMessage();
                Assert.True(request.Headers.TryAddWithoutValidation(header.Split(": ")[0], header.Split(": ")[1]));
                await SendAsync(port, version, request, target);
            }
        }
    }

    static async Task SendAsync(int port, Version version, HttpRequestMessage request, string target)
    {
        using var http = new HttpClient();
        using (request)
        {
            request.Method = HttpMethod.Post;
            request.RequestUri = new Uri($"http://127.0.0.1:{port}{target}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
            (request.Version, request.VersionPolicy) = (version, HttpVersionPolicy.RequestVersionExact);

            // A good line, and one that is refused and told.
            request.Content = new StringContent("m,t=v f=1\nm nonsense");
            try
            {
                using var response = await http.SendAsync(request);
                Assert.NotEqual(HttpStatusCode.InternalServerError, response.StatusCode);
            }
            catch (HttpRequestException) when (version == HttpVersion.Version20 && target.Contains("%00", StringComparison.Ordinal))
            {
                // HTTP/2 has no answer to a path that is none: the stream is reset.
            }
        }
    }

    static string Basic(string key) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"user:{key}"));
}
