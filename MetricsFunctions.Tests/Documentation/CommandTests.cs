using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Tests.Clients;
using MetricsFunctions.Tests.Standalone;

namespace MetricsFunctions.Tests.Documentation;

/// <summary>Every command of the documentation is run here or by .ci/run, or it is said why not.</summary>
public sealed partial class CommandTests(ReadmeService service) : IClassFixture<ReadmeService>
{
    const string NeedsDocker = "needs Docker and its images: the workflow runs it, and .ci/run has docker-compose read the files";
    const string NeedsAzure = "needs an Azure account: .ci/run compiles the template, deploy/azure/check";
    const string NeedsKubernetes = "needs a Kubernetes cluster: .ci/run renders and validates the manifests, deploy/kubernetes/validate/check";
    const string NeedsRelease = "needs a release: .ci/run builds one, and deploy/release/check does the same with it";
    const string NeedsQuiet = "measures for many minutes, which says nothing on a machine that does anything else";

    /// <summary>What nothing runs, by how it begins, and why.</summary>
    static readonly Dictionary<string, string> NotRun = new()
    {
        ["docker compose up --build"] = NeedsDocker,
        ["docker compose --file docker-compose.yml --file docker-compose.cluster.yml up --build"] = NeedsDocker,
        ["docker build --target standalone --tag <registry>/metrics-functions-standalone:0.1.0 . && docker push <registry>/metrics-functions-standalone:0.1.0"] = "needs Docker and a registry",
        ["cd MetricsFunctions && func start"] = "needs the Azure Functions Core Tools, which are no package of any registry that .ci/run uses",
        ["az group create --name metrics --location westeurope"] = NeedsAzure,
        ["""az acr create --resource-group metrics --name "$REGISTRY" --sku Basic"""] = NeedsAzure,
        ["""az acr build --registry "$REGISTRY" --image metrics-functions:0.1.0 ."""] = NeedsAzure,
        ["az deployment group create --resource-group metrics --parameters deploy/azure/main.bicepparam"] = NeedsAzure,
        ["export REGISTRY"] = NeedsAzure,
        ["export CLICKHOUSE='Host=<name>.clickhouse.cloud;Port=8443;Protocol=https;Username=ingest;Password=<password>'"] = NeedsAzure,
        ["kubectl create namespace metrics"] = NeedsKubernetes,
        ["kubectl create secret generic metrics --namespace metrics --from-file=clickhouse --from-file=api-key"] = NeedsKubernetes,
        ["kubectl apply --kustomize deploy/kubernetes"] = NeedsKubernetes,
        ["kubectl rollout status deployment/metrics --namespace metrics"] = NeedsKubernetes,
        ["sha256sum --check --ignore-missing SHA256SUMS"] = NeedsRelease,
        ["tar --extract --gzip --file metrics-functions-0.1.0-linux-x64.tar.gz"] = NeedsRelease,
        ["Ingestion__AllowAnonymous=true metrics-functions-0.1.0-linux-x64/MetricsFunctions.Standalone"] = NeedsRelease,
        ["dotnet run -c Release --project MetricsFunctions.Benchmarks -- "] = NeedsQuiet,
    };

    /// <summary>What is run, each with what has to come of it, by how it begins.</summary>
    static readonly (string Begin, Func<ReadmeService, string, Task> Run)[] Run =
    [
        (ReadmeService.Command, (service, _) => StoresAsync(service)),
        ("curl http://localhost:7071/api/metrics -H 'Content-Type: application/json'", OneSampleAsync),
        ("curl http://localhost:7071/api/metrics -H 'Content-Type: application/x-ndjson'", FileAsync),
        ("curl -i 'http://localhost:7071/api/v2/write", LineProtocolAsync),
        ("curl 'http://localhost:8123/?query=SELECT", SelectAsync),
        ("sed \"s/PASSWORD/$(cat clickhouse-data/admin.password)/\" local.settings.json.example ", SettingsAsync),
        ("dotnet run --project MetricsFunctions.EmbeddedClickHouse -- --data clickhouse-data", SchemaAsync),
        ("for statement in clickhouse/schema/*.sql", SchemaAsync),
        ("export API_KEY_SHA256=", KeyHashAsync),
        ("SELECT count() FROM system.parts ", async (service, query) => Assert.NotEmpty(await ClickHouseSql.QueryAsync(service.ClickHousePort, query))),
        ("CREATE USER ingest ", ParsesAsync),
        ("GRANT INSERT ON metrics.samples ", ParsesAsync),
        ("GRANT SELECT(", ParsesAsync),
        ("SELECT start, metric_name, tags", ParsesAsync),
        ("ALTER TABLE metrics.samples_rollup ", ParsesAsync),
        ("DROP TABLE metrics.samples_rollup", ParsesAsync),
        ("OTEL_", OpenTelemetryAsync),
        ("FAULT_ROUNDS=", LongerTestsAsync),
        ("OUTAGE_SECONDS=", LongerTestsAsync),
        ("TMPDIR=/dev/shm ABUSE_SECONDS=", LongerTestsAsync),
        ("SOAK_SECONDS=", LongerTestsAsync),
    ];

    static readonly string[] CiFiles = [".ci/run", ".github/workflows/ci.yml"];

    public static TheoryData<string, string> RunHere { get; } =
        [.. DocumentedCommand.All.Where(one => RunOf(one.Text) is not null)];

    [Theory]
    [MemberData(nameof(RunHere))]
    public Task It_does_what_the_page_says(string page, string command)
    {
        TestContext.Current.TestOutputHelper!.WriteLine(page);
        return RunOf(command)!(service, command);
    }

    [Fact]
    public void Every_command_is_run_somewhere_or_it_is_said_why_not()
    {
        var forgotten = DocumentedCommand.All.Where(one => RunOf(one.Text) is null && !IsRunByCi(one.Text) && !IsExcused(one.Text));
        Assert.True(
            !forgotten.Any(),
            $"Run these in this class or in .ci/run; if that cannot be, add them to {nameof(NotRun)} with the reason: {string.Join("; ", forgotten)}");
    }

    [Fact]
    public void Nothing_is_excused_or_run_that_no_page_has()
    {
        Assert.All(
            [.. NotRun.Keys, .. Run.Select(run => run.Begin)],
            begin => Assert.Contains(DocumentedCommand.All, one => one.Text.StartsWith(begin, StringComparison.Ordinal)));
    }

    static Func<ReadmeService, string, Task>? RunOf(string command) =>
        Run.FirstOrDefault(one => command.StartsWith(one.Begin, StringComparison.Ordinal)).Run;

    static bool IsExcused(string command) => NotRun.Keys.Any(begin => command.StartsWith(begin, StringComparison.Ordinal));

    // As a line of .ci/run, or .ci/run itself, which the workflow runs.
    static bool IsRunByCi(string command) => CiFiles
        .Any(file => File.ReadLines(Path.Combine(Repository.Root, file)).Any(line => CiStep().Replace(line, "").Trim() == command));

    static async Task StoresAsync(ReadmeService service) =>
        Assert.Equal("1", await ClickHouseSql.QueryAsync(service.ClickHousePort, "EXISTS TABLE metrics.samples"));

    static async Task OneSampleAsync(ReadmeService service, string command)
    {
        var before = await CountAsync(service, "cpu_load");
        Assert.Equal("""{"message":"ok"}""", await Shell.RunAsync(service.Here(command), service.Folder));
        Assert.Equal(before + 1, await CountAsync(service, "cpu_load"));
    }

    static async Task FileAsync(ReadmeService service, string command)
    {
        await File.WriteAllTextAsync(
            Path.Combine(service.Folder, "samples.ndjson"),
            """
            {"metric_name": "from_file", "metric_value": 1}
            {"metric_name": "from_file", "metric_value": 2}
            """);
        Assert.Equal("""{"message":"ok","accepted":2}""", await Shell.RunAsync(service.Here(command), service.Folder));
        Assert.Equal(2, await CountAsync(service, "from_file"));
    }

    static async Task LineProtocolAsync(ReadmeService service, string command)
    {
        var answer = await Shell.RunAsync(service.Here(command), service.Folder);
        Assert.StartsWith("HTTP/1.1 204", answer, StringComparison.Ordinal);
        Assert.Contains("X-Skipped-Fields: 1", answer, StringComparison.Ordinal);
        Assert.Equal(1, await CountAsync(service, "cpu.load"));
        Assert.Equal(1, await CountAsync(service, "cpu.cores"));
    }

    static async Task SelectAsync(ReadmeService service, string command)
    {
        await Shell.RunAsync(
            service.Here("""curl -sS http://localhost:7071/api/metrics -H 'Content-Type: application/json' -d '{"metric_name": "selected", "metric_value": 42}'"""), service.Folder);
        Assert.Contains("selected\t", await Shell.RunAsync(service.Here(command), service.Folder), StringComparison.Ordinal);
    }

    static async Task SettingsAsync(ReadmeService service, string command)
    {
        File.Copy(Path.Combine(Repository.Root, "local.settings.json.example"), Path.Combine(service.Folder, "local.settings.json.example"), overwrite: true);
        await Shell.RunAsync(command, service.Folder);
        var settings = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(service.Folder, "local.settings.json")))!;
        var password = Admin.ReadPassword(Path.Combine(service.Folder, "clickhouse-data"));
        Assert.Equal($"Host=localhost;Port=8123;Username=admin;Password={password}", (string?)settings["Values"]!["ConnectionStrings__ClickHouse"]);
    }

    // The two belong together: an empty server, and the schema from the files.
    static async Task SchemaAsync(ReadmeService service, string command)
    {
        var server = DocumentedCommand.All.Single(one => one.Text.StartsWith("dotnet run --project MetricsFunctions.EmbeddedClickHouse", StringComparison.Ordinal)).Text;
        var schema = DocumentedCommand.All.Single(one => one.Text.StartsWith("for statement in", StringComparison.Ordinal)).Text;
        Assert.Contains(command, new[] { server, schema });

        using var data = new TemporaryFolder();
        var port = Ports.Free();
        await using var running = BackgroundCommand.Start(
            $"{server.Replace("clickhouse-data", data.Path, StringComparison.Ordinal)} --http-port {port} --tcp-port {Ports.Free()}");
        await running.PrintsAsync($":{port}");
        Assert.Equal("", await Shell.RunAsync(
            schema.Replace("localhost:8123", $"localhost:{port}", StringComparison.Ordinal).Replace("clickhouse-data", data.Path, StringComparison.Ordinal), Repository.Root));
        Assert.Equal("1", await ClickHouseSql.QueryAsync(port, "EXISTS TABLE metrics.samples"));
        Assert.Equal("1", await ClickHouseSql.QueryAsync(port, "EXISTS TABLE metrics.points"));
    }

    static async Task KeyHashAsync(ReadmeService service, string command)
    {
        var printed = (await Shell.RunAsync($"""KEY=$(openssl rand -hex 32); {command}; echo "$KEY $API_KEY_SHA256" """, service.Folder)).Split(' ');
        var port = Ports.Free();
        using var standalone = StandaloneProcess.Start(
            ("Urls", $"http://127.0.0.1:{port}"),
            ("ConnectionStrings__ClickHouse", Admin.ConnectionString(service.ClickHousePort, Admin.ReadPassword(Path.Combine(service.Folder, "clickhouse-data")))),
            ("Ingestion__ApiKeys__0__Sha256", printed[1]));
        await standalone.StartedAsync();
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{port}/api/metrics") { Content = new StringContent("[]", null, "application/json") };
        request.Headers.Authorization = new("Bearer", printed[0]);
        using var response = await http.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    // The embedded server keeps no users that SQL makes; those of clickhouse/users.d are tried in UserTests.
    static async Task ParsesAsync(ReadmeService service, string command)
    {
        using var http = new HttpClient();
        using var statement = new StringContent($"EXPLAIN AST {command}");
        using var response = await http.PostAsync(new Uri($"http://localhost:{service.ClickHousePort}/"), statement);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    // Settings for an SDK: the whole fence at once, as a shell would export it.
    static async Task OpenTelemetryAsync(ReadmeService service, string command)
    {
        var settings = DocumentedCommand.All.Where(one => one.Text.StartsWith("OTEL_", StringComparison.Ordinal)).Select(one => one.Text).ToList();
        Assert.Contains(command, settings);
        var before = await CountAsync(service);
        var exported = await Shell.RunAsync(service.Here(string.Concat(settings.Select(setting => $"{setting}\n")) + "set | grep ^OTEL_"), service.Folder);
        using var client = NodeClient.Start(["otlp.mjs", "http/protobuf", "cumulative", "gzip"], [.. exported.Split('\n').Select(Pair)]);
        await client.ExitedAsync();
        Assert.True(await CountAsync(service) > before);

        static (string Name, string Value) Pair(string line) => (line.Split('=')[0], line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim('\''));
    }

    // The same tests run shorter with all others: what has to be right is that the variable is read and the filter finds some.
    static async Task LongerTestsAsync(ReadmeService service, string command)
    {
        var variable = command.Replace("TMPDIR=/dev/shm ", "", StringComparison.Ordinal).Split('=')[0];
        var sources = Directory.EnumerateFiles(Path.Combine(Repository.Root, "MetricsFunctions.Tests"), "*.cs", SearchOption.AllDirectories);
        var texts = await Task.WhenAll(sources.Select(file => File.ReadAllTextAsync(file)));
        Assert.Contains(texts, text => text.Contains($"GetEnvironmentVariable(\"{variable}\")", StringComparison.Ordinal));
        var tests = Assembly.GetExecutingAssembly().GetTypes()
            .SelectMany(type => type.GetMethods())
            .Where(method => method.GetCustomAttributes<FactAttribute>().Any())
            .Select(method => $"{method.DeclaringType!.FullName}.{method.Name}").ToList();
        var filters = Filter().Matches(command).Select(filter => filter.Groups[1].Value).ToList();
        Assert.NotEmpty(filters);
        Assert.All(filters, filter => Assert.Contains(tests, test => test.Contains(filter, StringComparison.Ordinal)));
    }

    static async Task<int> CountAsync(ReadmeService service, string? name = null) => int.Parse(
        await ClickHouseSql.QueryAsync(service.ClickHousePort, $"SELECT count() FROM metrics.samples{(name is null ? "" : $" WHERE metric_name = '{name}'")}"),
        System.Globalization.CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\s*(- )?(run: )?| \|.*$")]
    private static partial Regex CiStep();

    [GeneratedRegex(@"FullyQualifiedName~([\w.]+)")]
    private static partial Regex Filter();
}
