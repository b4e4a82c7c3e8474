using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// Lets pages of other origins send, and read the answers, where <see cref="IngestionOptions.AllowedOrigins"/> names them. ASP.NET Core's
/// middleware would do it, but the Functions worker runs none.
/// </summary>
sealed class Cors
{
    const string AnyOrigin = "*";

    // The longest that Chrome keeps to.
    static readonly TimeSpan PreflightAge = TimeSpan.FromHours(2);

    readonly ICorsService _service;
    readonly CorsPolicy? _policy;

    /// <summary>Makes it from the settings.</summary>
    /// <param name="options">The allowed origins.</param>
    /// <param name="service">Knows the headers.</param>
    public Cors(IOptions<IngestionOptions> options, ICorsService service)
    {
        _service = service;
        var origins = ReadAll(options.Value.AllowedOrigins, []);
        if (origins.Length == 0)
        {
            return;
        }

        var policy = new CorsPolicyBuilder()
            .WithMethods(HttpMethods.Post)
            .AllowAnyHeader()
            .WithExposedHeaders(HeaderNames.RetryAfter)
            .SetPreflightMaxAge(PreflightAge);

        // sendBeacon always sends with credentials, although there are none here. Browsers take no "*" for such a request.
        _policy = (origins.Contains(AnyOrigin) ? policy.AllowAnyOrigin() : policy.WithOrigins(origins).AllowCredentials()).Build();
    }

    /// <summary>Reads the configured origins: a list, or one as a text.</summary>
    /// <param name="section">The setting.</param>
    /// <param name="faults">What is wrong with it, and what to set instead.</param>
    public static string[] ReadAll(IConfigurationSection? section, ICollection<string> faults)
    {
        var entries = string.IsNullOrEmpty(section?.Value) ? section?.GetChildren() ?? [] : [section];
        var origins = new List<string>();
        foreach (var entry in entries)
        {
            if (entry.Value is { } origin && IsOrigin(origin))
            {
                origins.Add(origin);
            }
            else
            {
                faults.Add($"{entry.Path} is no origin as browsers tell it. Set it to a scheme and a host, with the port if it is not the scheme's own, and nothing "
                    + "behind them, no path and no slash either: https://app.example.org. Or set it to * for every origin.");
            }
        }

        return [.. origins];
    }

    /// <summary>Whether pages of an origin may send.</summary>
    /// <param name="origin">The origin as the browser tells it; empty when it tells none.</param>
    public bool Allows(string origin) => _policy is not null && (_policy.AllowAnyOrigin || _policy.IsOriginAllowed(origin));

    /// <summary>Writes the headers by which a browser lets an allowed page read the answer, whatever that will be.</summary>
    /// <param name="context">The request and its response.</param>
    /// <returns>Whether that is the whole answer, because the browser only asks whether it may send.</returns>
    public bool Answers(HttpContext context)
    {
        if (_policy is null || context.Request.Headers.Origin.Count == 0)
        {
            return false;
        }

        var result = _service.EvaluatePolicy(context, _policy);
        _service.ApplyResult(result, context.Response);
        if (!result.IsOriginAllowed || !result.IsPreflightRequest)
        {
            return false;
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return true;
    }

    static bool IsOrigin(string text) =>
        text == AnyOrigin
        || (Uri.TryCreate(text, UriKind.Absolute, out var uri)
            && uri is { Host.Length: > 0, UserInfo: "" }
            && uri.GetLeftPart(UriPartial.Authority).Equals(text, StringComparison.OrdinalIgnoreCase));
}
