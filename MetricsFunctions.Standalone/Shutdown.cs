using MetricsFunctions.Ingestion;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Standalone;

/// <summary>How long the service takes to stop.</summary>
static class Shutdown
{
    static readonly TimeSpan Reserve = TimeSpan.FromSeconds(5);

    /// <summary>
    /// From SIGTERM to the end of the process, at most: the requests in hand, and behind them the last attempt at an INSERT. What stops the service,
    /// such as docker-compose.yml, has to give it so long before it kills it. (A longer time-out of the host's own, by default 30 seconds, counts
    /// instead of the requests.)
    /// </summary>
    public static TimeSpan Longest(IngestionOptions ingestion) => LongestRequest(ingestion) + ingestion.WriteTimeout;

    /// <summary>
    /// Has the host wait for requests as long as the slowest of them may take. Then every request that was read is answered, and a load balancer may
    /// send one that was not answered to another instance without storing it twice.
    /// </summary>
    public static void WaitForRequests(IServiceProvider services)
    {
        var longest = LongestRequest(services.GetRequiredService<IOptions<IngestionOptions>>().Value);
        var host = services.GetRequiredService<IOptions<HostOptions>>().Value;
        if (host.ShutdownTimeout < longest)
        {
            host.ShutdownTimeout = longest;
        }
    }

    static TimeSpan LongestRequest(IngestionOptions ingestion) => ingestion.BodyTimeout + (3 * ingestion.WriteTimeout) + Reserve;
}
