using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// Refuses what the page of another site has a browser send: it can send text wherever the browser reaches, because CORS only decides who reads answers.
/// An API key it does not know, so this is for requests without one. What is no browser sends none of the headers that tell of pages, and passes.
/// </summary>
sealed class ForeignPages
{
    const string SiteHeader = "Sec-Fetch-Site";
    const string SettingForHosts = "AllowedHosts";

    static readonly Problem OtherOrigin = Forbidden(
        "The page that sends this is of another origin, and so may not send without an API key. "
        + "Put its origin into Ingestion:AllowedOrigins, or have it send one of Ingestion:ApiKeys.");

    static readonly Problem OtherHost = Forbidden(
        "The page that sends this calls the service by a name that may be anybody's, and so may not send without an API key. "
        + "Put the name into AllowedHosts or the page's origin into Ingestion:AllowedOrigins, or have it send one of Ingestion:ApiKeys.");

    readonly Cors _cors;
    readonly List<StringSegment> _hosts;

    /// <summary>Makes it from the settings.</summary>
    /// <param name="cors">Knows the pages that may.</param>
    /// <param name="configuration">Has ASP.NET Core's own list of the names that the service is called by.</param>
    public ForeignPages(Cors cors, IConfiguration configuration)
    {
        _cors = cors;
        _hosts = [.. (configuration[SettingForHosts] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
    }

    /// <summary>Answers <see langword="null"/> for a request that may pass. Reads none of its body.</summary>
    /// <param name="request">The request, which has no API key.</param>
    public Problem? Check(HttpRequest request)
    {
        var site = request.Headers[SiteHeader].ToString();
        var origin = request.Headers.Origin.ToString();
        if ((site.Length == 0 && origin.Length == 0) || _cors.Allows(origin))
        {
            return null;
        }

        // What a browser says of the site counts more: a page may hide its origin from its own service, too, and a proxy may change the Host.
        var isOwn = site.Length > 0 ? site is "same-origin" or "none" : IsOriginOf(origin, "http", request) || IsOriginOf(origin, "https", request);
        if (!isOwn)
        {
            return OtherOrigin;
        }

        // Whoever owns a name can have it mean this machine, and is of the same origin then (DNS rebinding), but has no certificate for that.
        return IsOriginOf(origin, "https", request) || IsOwn(request.Host) ? null : OtherHost;
    }

    static bool IsOriginOf(string origin, string scheme, HttpRequest request) =>
        origin.Equals($"{scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);

    // Nobody else can own an address, nor a name without a dot, such as localhost or that of a container.
    bool IsOwn(HostString host) =>
        !host.Host.Contains('.', StringComparison.Ordinal)
        || IPAddress.TryParse(host.Host, out _)
        || _hosts.Contains("*")
        || HostString.MatchesAny(host.Host, _hosts);

    static Problem Forbidden(string detail) => new(StatusCodes.Status403Forbidden, detail) { Reason = "foreign_page" };
}
