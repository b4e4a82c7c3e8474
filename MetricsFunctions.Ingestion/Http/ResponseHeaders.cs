using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>Headers for whatever a browser or a proxy may come across.</summary>
static class ResponseHeaders
{
    /// <summary>
    /// Lets nobody keep the answer or guess at its type. Not needed where samples were stored: an answer to POST is not kept, and that one is
    /// of few bytes, none of them from outside.
    /// </summary>
    public static void Protect(this HttpResponse response)
    {
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
    }
}
