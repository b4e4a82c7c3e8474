using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace MetricsFunctions.Tests.Standalone;

/// <summary>Keys that change while the service runs, in its settings and in files; and that none of them is ever told to anyone.</summary>
public sealed class KeyRotationTests : IDisposable
{
    const string Taken = "The API keys have changed. Now taken: ";
    const string Refused = "The configuration has changed and cannot work, so the API keys stay as they were.";

    readonly TemporaryFolder _folder = new();
    readonly ConcurrentQueue<string> _answers = new();
    readonly int _port = Ports.Free();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Keys_change_without_a_restart_and_never_show()
    {
        // As Kubernetes mounts a secret: a link to a link to a folder, of which the middle one is replaced.
        Mount("first", "key-of-first-file\n");
        Configure($$"""["key-one", {"Name": "hashed", "Sha256": "{{Hash("key-two")}}"}, {"Name": "mounted", "KeyFile": "{{Secret}}"}]""");
        File.CreateSymbolicLink(Secret, Path.Combine("..data", "key"));
        using var standalone = Start();
        await standalone.StartedAsync();

        await AssertTakenAsync("key-one", "key-two", "key-of-first-file");
        await AssertRefusedAsync("key-three", "key-of-second-file");

        // A new secret, and no change of the settings.
        Mount("second", "key-of-second-file");
        await BecomesAsync("key-of-second-file", HttpStatusCode.OK);
        await AssertRefusedAsync("key-of-first-file");
        await AssertTakenAsync("key-one");
        Assert.Equal(1, Count(standalone, Taken + "0, hashed, mounted"));

        // One that holds nothing: told once, however often it is looked at, and the last key stays.
        Mount("third", "");
        await Wait.UntilAsync(() => Task.FromResult(Count(standalone, Refused) == 1));
        await AssertTakenAsync("key-of-second-file");
        Mount("fourth", "key-of-fourth-file");
        await BecomesAsync("key-of-fourth-file", HttpStatusCode.OK);

        // Settings: one key goes, another comes.
        Configure($$"""[{"Name": "hashed", "Sha256": "{{Hash("key-two")}}"}, {"Name": "three", "Key": "key-three"}]""");
        await BecomesAsync("key-three", HttpStatusCode.OK);
        await AssertTakenAsync("key-two");
        await AssertRefusedAsync("key-one", "key-of-fourth-file");
        Assert.Equal(1, Count(standalone, Taken + "hashed, three"));

        // Settings that cannot work change nothing.
        Configure("""[{"Name": "hashed", "Sha256": "key-four"}]""");
        await Wait.UntilAsync(() => Task.FromResult(Count(standalone, Refused) == 2));
        Assert.Contains("Ingestion:ApiKeys:0:Sha256 must be 64 hexadecimal digits", standalone.Output, StringComparison.Ordinal);
        await AssertTakenAsync("key-two", "key-three");

        Configure("[key-four");
        await Wait.UntilAsync(() => Task.FromResult(Count(standalone, "appsettings.json has changed and is no JSON (line 1)") == 1));
        await AssertTakenAsync("key-two", "key-three");

        // A key that loses the right to a name.
        Configure("""[{"Name": "three", "Key": "key-three", "Prefixes": ["other"]}]""");
        await BecomesAsync("key-three", HttpStatusCode.BadRequest);
        await AssertRefusedAsync("key-two");

        Assert.Equal(0, await standalone.TerminateAsync());
        AssertUntold([standalone.Output, .. _answers]);
    }

    [Theory]
    [InlineData("Ingestion__ApiKeys", "key-zero", "Ingestion:ApiKeys is a text and must be a list")]
    [InlineData("Ingestion__ApiKeys__0__Sha256", "key-zero", "Ingestion:ApiKeys:0:Sha256 must be 64 hexadecimal digits")]
    [InlineData("Ingestion__ApiKeys__0__KeyFile", "key-zero", "Ingestion:ApiKeys:0:KeyFile cannot be read")]
    [InlineData("Ingestion__ApiKeys__0__Secret", "key-zero", "Ingestion:ApiKeys:0:Secret is not a setting")]
    public async Task A_key_that_cannot_work_is_told_in_one_line_that_does_not_repeat_it(string setting, string value, string message)
    {
        using var standalone = StandaloneProcess.Start(("ConnectionStrings__ClickHouse", "Host=127.0.0.1;Port=1"), (setting, value));
        Assert.Equal(1, await standalone.ExitedAsync());
        var line = Assert.Single(standalone.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.StartsWith($"MetricsFunctions cannot start: {message}", line, StringComparison.Ordinal);
        AssertUntold(standalone.Output);
    }

    string Secret => Path.Combine(_folder.Path, "key");

    void Mount(string version, string key)
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, version));
        File.WriteAllText(Path.Combine(_folder.Path, version, "key"), key);
        var link = Path.Combine(_folder.Path, "..new");
        File.CreateSymbolicLink(link, version);
        Assert.Equal(0, Rename(link, Path.Combine(_folder.Path, "..data")));
    }

    void Configure(string keys)
    {
        // At once, so that nobody reads half of it.
        var settings = Path.Combine(_folder.Path, "settings.new");
        File.WriteAllText(settings, $$$"""{"Ingestion": {"ApiKeys": {{{keys}}}}}""");
        File.Move(settings, Path.Combine(_folder.Path, "appsettings.json"), overwrite: true);
    }

    // It looks for its settings in the content root, and logs all there is to say.
    StandaloneProcess Start() => StandaloneProcess.Start(
        ("ASPNETCORE_CONTENTROOT", _folder.Path),
        ("Urls", $"http://127.0.0.1:{_port}"),
        ("EmbeddedClickHouse__DataPath", Path.Combine(_folder.Path, "data")),
        ("EmbeddedClickHouse__HttpPort", $"{Ports.Free()}"),
        ("EmbeddedClickHouse__TcpPort", $"{Ports.Free()}"),
        ("Logging__LogLevel__Default", "Trace"),
        ("Logging__LogLevel__Microsoft", "Trace"));

    async Task BecomesAsync(string key, HttpStatusCode status) => await Wait.UntilAsync(async () => await SendAsync(key) == status);

    async Task AssertTakenAsync(params string[] keys)
    {
        foreach (var key in keys)
        {
            Assert.Equal(HttpStatusCode.OK, await SendAsync(key));
        }
    }

    async Task AssertRefusedAsync(params string[] keys)
    {
        foreach (var key in keys)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync(key));
        }
    }

    async Task<HttpStatusCode> SendAsync(string key)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{_port}") };
        var statuses = new HashSet<HttpStatusCode>();
        foreach (var authorization in new[] { $"Bearer {key}", $"Token {key}", $"Basic {Basic(key)}", null })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/metrics")
            {
                Content = new StringContent("""{"metric_name": "rotation", "metric_value": 1}""", Encoding.UTF8, "application/json"),
            };
            request.Headers.Add(authorization is null ? "X-Api-Key" : "Authorization", authorization ?? key);
            using var response = await http.SendAsync(request);
            _answers.Enqueue($"{response.Headers} {response.Content.Headers} {await response.Content.ReadAsStringAsync()}");
            statuses.Add(response.StatusCode);
        }

        // A change may come between two requests.
        return statuses.Count == 1 ? statuses.Single() : HttpStatusCode.Continue;
    }

    static void AssertUntold(params string[] texts)
    {
        string[] keys = ["key-zero", "key-one", "key-two", "key-three", "key-four", "key-of-first-file", "key-of-second-file", "key-of-fourth-file"];
        foreach (var text in texts)
        {
            foreach (var told in keys.SelectMany(key => new[] { key, Basic(key), Hash(key), Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(key))) }))
            {
                Assert.DoesNotContain(told, text, StringComparison.OrdinalIgnoreCase);
            }
        }
    }

    static string Basic(string key) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"user:{key}"));

    static string Hash(string key) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    static int Count(StandaloneProcess standalone, string line) => standalone.Output.Split('\n').Count(other => other.Contains(line, StringComparison.Ordinal));

    // .NET moves no link to a folder.
    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "rename", CharSet = System.Runtime.InteropServices.CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    static extern int Rename(string from, string to);
}
