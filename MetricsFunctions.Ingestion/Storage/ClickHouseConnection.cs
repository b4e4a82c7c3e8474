using System.Net;
using ClickHouse.Driver;
using ClickHouse.Driver.ADO;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Makes the client that all INSERTs go through. It keeps connections open, but none for ever.</summary>
static class ClickHouseConnection
{
    /// <summary>
    /// After this long a connection takes no further INSERT, and the next one looks the host up again. Under steady load a connection is
    /// never idle; without an end, it would stay with the address it was opened to for as long as that answers.
    /// </summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(15);

    // Below the time after which a ClickHouse server closes an idle connection: 10 s in its cloud, 30 s by default elsewhere.
    static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(5);

    public static ClickHouseClient Open(string connectionString)
    {
        var settings = new ClickHouseClientSettings(connectionString);
        var handler = new SocketsHttpHandler
        {
            PooledConnectionLifetime = Lifetime,
            PooledConnectionIdleTimeout = IdleTimeout,

            // The driver lets ClickHouse compress what it answers, and does not decompress it itself.
            AutomaticDecompression = DecompressionMethods.All,

            // A POST that is sent elsewhere becomes a GET, and its body is lost.
            AllowAutoRedirect = false,
        };
        var http = new HttpClient(new ClickHouseAnswers { InnerHandler = handler }) { Timeout = settings.Timeout };
        return new ClickHouseClient(new ClickHouseClientSettings(settings) { HttpClient = http });
    }

    /// <summary>
    /// Lets through what ClickHouse answers, which has headers of its own in every answer. The driver would take any 200 for a success, and the
    /// first number in anybody's error page for an exception code.
    /// </summary>
    sealed class ClickHouseAnswers : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (response.Headers.Any(header => header.Key.StartsWith("X-ClickHouse-", StringComparison.OrdinalIgnoreCase)))
            {
                return response;
            }

            using (response)
            {
                throw new HttpRequestException(
                    $"{request.RequestUri!.Authority} answered {(int)response.StatusCode} without the headers of ClickHouse", null, response.StatusCode);
            }
        }
    }
}
