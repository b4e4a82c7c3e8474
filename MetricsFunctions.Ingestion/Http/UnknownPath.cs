using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>Answers a request for a path that does not exist.</summary>
public static class UnknownPath
{
    /// <summary>Answers 404 with the way to the right path.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public static async Task HandleAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        await BodyDrain.DrainAsync(context.Request);
        await new Problem(StatusCodes.Status404NotFound, "There is nothing at this path. Samples go to POST /api/metrics.").WriteAsync(context.Response);
    }
}
