namespace MetricsFunctions.Standalone;

/// <summary>The health check of the container image, which has neither a shell nor curl.</summary>
static class Probe
{
    /// <summary>The first argument that makes the program ask instead of serve; the second is the URL.</summary>
    public const string Command = "probe";

    /// <summary>Answers 0 when the URL answers with a success, and otherwise prints why and answers 1.</summary>
    public static async Task<int> RunAsync(string url)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(4) };
        try
        {
            using var response = await http.GetAsync(new Uri(url));
            Console.WriteLine(await response.Content.ReadAsStringAsync());
            return response.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            Console.WriteLine(e.Message);
            return 1;
        }
    }
}
