using System.Net;
using System.Text.Json.Nodes;

namespace MetricsFunctions.Tests.Faults;

/// <summary>What a load balancer is told.</summary>
static class Readiness
{
    /// <summary>Answers the status, and what is wrong if anything is.</summary>
    public static async Task<(int Status, string? Detail)> OfAsync(IPEndPoint service)
    {
        using var http = new HttpClient();
        using var response = await http.GetAsync(new Uri($"http://{service}/api/health/ready"));
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!["detail"]?.GetValue<string>());
    }
}
