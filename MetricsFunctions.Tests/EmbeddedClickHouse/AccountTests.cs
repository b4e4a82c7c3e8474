using System.Security.Cryptography;
using System.Text;
using MetricsFunctions.EmbeddedClickHouse;

namespace MetricsFunctions.Tests.EmbeddedClickHouse;

/// <summary>What the users of an embedded server may do, and the pages of a browser, which reach it as everything on its machine does.</summary>
public sealed class AccountTests(AccountTests.Server server) : IClassFixture<AccountTests.Server>
{
    const int NotGranted = 497;
    const int ReadOnly = 164;
    const string Secret = "for this user alone";

    public sealed class Server : IAsyncLifetime
    {
        readonly TemporaryFolder _folder = new();

        public HttpClient Http { get; } = new();

        public ClickHouseServer ClickHouse { get; private set; } = null!;

        /// <summary>What no SQL may show.</summary>
        public string File => Path.Combine(_folder.Path, "secret");

        public async ValueTask InitializeAsync()
        {
            await System.IO.File.WriteAllTextAsync(File, Secret);
            ClickHouse = await ClickHouseServer.StartAsync(new ClickHouseServerOptions { DataPath = Path.Combine(_folder.Path, "data") });
            Http.BaseAddress = new Uri($"http://127.0.0.1:{ClickHouse.HttpPort}/");
            await ClickHouseSql.QueryAsync(ClickHouse, "CREATE DATABASE metrics");
            await ClickHouseSql.QueryAsync(ClickHouse, "CREATE TABLE metrics.numbers (n UInt64) ENGINE = MergeTree ORDER BY n");
            await ClickHouseSql.QueryAsync(ClickHouse, "INSERT INTO metrics.numbers VALUES (42)");
            await ClickHouseSql.QueryAsync(ClickHouse, "CREATE TABLE default.others (n UInt64) ENGINE = MergeTree ORDER BY n");
        }

        public async ValueTask DisposeAsync()
        {
            Http.Dispose();
            await ClickHouse.DisposeAsync();
            _folder.Dispose();
        }
    }

    [Theory]
    [InlineData("SELECT n FROM metrics.numbers", "42")]
    [InlineData("SELECT currentUser()", "default")]
    [InlineData("SELECT count() FROM system.parts WHERE table = 'numbers'", "1")]
    [InlineData("SHOW TABLES FROM metrics", "numbers")]
    [InlineData("SELECT sum(number) FROM numbers(3)", "3")]
    public async Task Default_reads(string sql, string result) => Assert.Equal((0, $"{result}\n"), await AsDefaultAsync(sql));

    [Theory]
    [InlineData("INSERT INTO metrics.numbers VALUES (1)")]
    [InlineData("INSERT INTO system.one VALUES (1)")]
    [InlineData("INSERT INTO FUNCTION null('n UInt64') VALUES (1)")]
    [InlineData("DROP TABLE metrics.numbers")]
    [InlineData("DROP DATABASE metrics")]
    [InlineData("TRUNCATE TABLE metrics.numbers")]
    [InlineData("ALTER TABLE metrics.numbers DELETE WHERE 1")]
    [InlineData("ALTER TABLE metrics.numbers MODIFY TTL now()")]
    [InlineData("DELETE FROM metrics.numbers WHERE 1")]
    [InlineData("OPTIMIZE TABLE metrics.numbers")]
    [InlineData("RENAME TABLE metrics.numbers TO metrics.others")]
    [InlineData("DETACH TABLE metrics.numbers")]
    [InlineData("CREATE TABLE metrics.others (n UInt64) ENGINE = Memory")]
    [InlineData("CREATE TEMPORARY TABLE others (n UInt64)")]
    [InlineData("CREATE VIEW metrics.others AS SELECT 1")]
    [InlineData("CREATE DATABASE others")]
    [InlineData("CREATE FUNCTION others AS x -> x")]
    [InlineData("CREATE USER others")]
    [InlineData("GRANT SELECT ON default.* TO default")]
    [InlineData("SELECT * FROM default.others")]
    [InlineData("SYSTEM STOP LISTEN HTTP")]
    [InlineData("SYSTEM START LISTEN MYSQL")]
    [InlineData("SYSTEM STOP MERGES metrics.numbers")]
    [InlineData("SYSTEM SHUTDOWN")]
    [InlineData("SYSTEM KILL")]
    [InlineData("SYSTEM FLUSH LOGS")]
    [InlineData("SYSTEM DROP MARK CACHE")]
    [InlineData("BACKUP TABLE metrics.numbers TO File('/tmp/numbers')")]
    [InlineData("RESTORE TABLE metrics.numbers FROM File('/tmp/numbers')")]
    public async Task Default_changes_nothing(string sql)
    {
        Assert.Contains((await AsDefaultAsync(sql)).Code, new[] { NotGranted, ReadOnly });
        Assert.Equal("42", await ClickHouseSql.QueryAsync(server.ClickHouse, "SELECT n FROM metrics.numbers"));
        Assert.Equal("", await ClickHouseSql.QueryAsync(server.ClickHouse, "SELECT n FROM default.others"));
    }

    // ClickHouse passes over what it may not stop where no table is named, and over queries that are not the user's own.
    [Fact]
    public async Task Default_stops_nothing_that_is_not_its_own()
    {
        const string Parts = "SELECT count() FROM system.parts WHERE active AND table = 'merged'";
        await ClickHouseSql.QueryAsync(server.ClickHouse, "CREATE TABLE metrics.merged (n UInt64) ENGINE = MergeTree ORDER BY n");
        await AsDefaultAsync("SYSTEM STOP MERGES");
        await ClickHouseSql.QueryAsync(server.ClickHouse, "INSERT INTO metrics.merged VALUES (1)");
        await ClickHouseSql.QueryAsync(server.ClickHouse, "INSERT INTO metrics.merged VALUES (2)");
        await ClickHouseSql.QueryAsync(server.ClickHouse, "OPTIMIZE TABLE metrics.merged FINAL");
        Assert.Equal("1", await ClickHouseSql.QueryAsync(server.ClickHouse, Parts));

        var waiting = ClickHouseSql.QueryAsync(server.ClickHouse, "SELECT sleep(1)");
        await Wait.UntilAsync(async () => (await AsDefaultAsync("SELECT count() FROM system.processes WHERE query = 'SELECT sleep(1)'")).Answer == "1\n");
        await AsDefaultAsync("KILL QUERY WHERE user = 'admin' SYNC");
        Assert.Equal("0", await waiting);
    }

    [Theory]
    [InlineData("SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'line String')")]
    [InlineData("SELECT * FROM remote('127.0.0.1:1', system.one)")]
    [InlineData("SELECT * FROM remoteSecure('127.0.0.1:1', system.one)")]
    [InlineData("SELECT * FROM s3('http://127.0.0.1:1/bucket/a.csv', NOSIGN, 'CSV', 'n UInt64')")]
    [InlineData("SELECT * FROM gcs('http://127.0.0.1:1/bucket/a.csv', NOSIGN, 'CSV', 'n UInt64')")]
    [InlineData("SELECT * FROM azureBlobStorage('http://127.0.0.1:1/', 'c', 'b', 'LineAsString')")]
    [InlineData("SELECT * FROM hdfs('hdfs://127.0.0.1:1/a', 'LineAsString', 'line String')")]
    [InlineData("SELECT * FROM deltaLake('http://127.0.0.1:1/bucket/a/')")]
    [InlineData("SELECT * FROM iceberg('http://127.0.0.1:1/bucket/a/')")]
    [InlineData("SELECT * FROM icebergLocal('/etc')")]
    [InlineData("SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'u', 'p')")]
    [InlineData("SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'u', 'p')")]
    [InlineData("SELECT * FROM mongodb('127.0.0.1:1', 'a', 'b', 'u', 'p', 'line String')")]
    [InlineData("SELECT * FROM redis('127.0.0.1:1', 'k', 'k String')")]
    [InlineData("SELECT * FROM odbc('DSN=a', 'a', 'b')")]
    [InlineData("SELECT * FROM jdbc('a', 'a', 'b')")]
    [InlineData("SELECT * FROM executable('cat', 'LineAsString', 'line String')")]
    [InlineData("SELECT * FROM dictionary('a')")]
    [InlineData("SELECT * FROM filesystem('/etc')")]
    [InlineData("SELECT * FROM format(TSV, 'n UInt64', '1')")]
    public async Task Default_reaches_out_nowhere(string sql) => Assert.Equal(NotGranted, (await AsDefaultAsync(sql)).Code);

    // In which ClickHouse takes the name of a file or a server, undoes the limit, or lets another page read the answer.
    [Theory]
    [InlineData("readonly=0")]
    [InlineData("readonly=2")]
    [InlineData("format_template_row=/etc/hosts")]
    [InlineData("format_template_resultset=/etc/hosts")]
    [InlineData("format_schema=/etc/hosts:Message")]
    [InlineData("format_avro_schema_registry_url=http://127.0.0.1:1/")]
    [InlineData("http_response_headers={'Access-Control-Allow-Origin':'*'}")]
    [InlineData("allow_experimental_ai_functions=1")]
    public async Task Default_keeps_its_settings(string setting) => Assert.Equal(ReadOnly, (await AsDefaultAsync("SELECT 1", $"?{setting}")).Code);

    // Whatever they may: the engine itself has no folder that it keeps to, as a server has.
    [Theory]
    [InlineData("SELECT file('{0}')")]
    [InlineData("SELECT file('{0}', 'none')")]
    [InlineData("SELECT file('{0}', NULL)")]
    [InlineData("SELECT file(name) FROM (SELECT '{0}' AS name)")]
    [InlineData("SELECT * APPLY file FROM (SELECT '{0}')")]
    [InlineData("SELECT arrayMap(name -> file(name), ['{0}'])")]
    [InlineData("SELECT * FROM view(SELECT file('{0}'))")]
    [InlineData("SELECT * FROM values('text String', file('{0}'))")]
    [InlineData("SELECT number FROM numbers(length(file('{0}')))")]
    [InlineData("SELECT file('{0}') SETTINGS allow_experimental_analyzer = 0")]
    [InlineData("SELECT * FROM file('{0}', LineAsString)")]
    [InlineData("SELECT * FROM `{0}`")]
    [InlineData("SELECT 1 INTO OUTFILE '{0}' TRUNCATE")]
    [InlineData("INSERT INTO FUNCTION file('{0}', LineAsString) SELECT 'x'")]
    [InlineData("CREATE TABLE secret (line String) ENGINE = File(LineAsString, '{0}')")]
    [InlineData("CREATE TEMPORARY TABLE secret (line String) ENGINE = File(LineAsString, '{0}')")]
    [InlineData("CREATE DICTIONARY secret (line String) PRIMARY KEY line SOURCE(FILE(PATH '{0}' FORMAT LineAsString)) LAYOUT(COMPLEX_KEY_DIRECT())")]
    [InlineData("SELECT * FROM sqlite('{0}', 'secret')")]
    [InlineData("CREATE DATABASE secret ENGINE = SQLite('{0}')")]
    [InlineData("CREATE VIEW secret SQL SECURITY NONE AS SELECT * FROM file('{0}', LineAsString)")]
    [InlineData("GRANT FILE ON *.* TO default")]
    public async Task SQL_cannot_reach_the_files_of_the_user_who_runs_it(string statement)
    {
        var sql = statement.Replace("{0}", server.File, StringComparison.Ordinal);
        foreach (var (code, answer) in new[] { await AsDefaultAsync(sql), await AsAdminAsync(sql) })
        {
            Assert.NotEqual(0, code);
            Assert.DoesNotContain(Secret, answer, StringComparison.Ordinal);
        }

        Assert.Equal(Secret, await File.ReadAllTextAsync(server.File, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Admin_may_what_default_may_not_and_only_with_the_password()
    {
        Assert.Equal(0, (await AsAdminAsync("CREATE TABLE metrics.of_admin (n UInt64) ENGINE = MergeTree ORDER BY n")).Code);
        Assert.Equal(0, (await AsAdminAsync("INSERT INTO metrics.of_admin VALUES (1)")).Code);
        Assert.Equal(0, (await AsAdminAsync("DROP TABLE metrics.of_admin")).Code);
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(server.ClickHouse.AdminPassword)));
        foreach (var password in new[] { "", "wrong", hash })
        {
            Assert.NotEqual(0, (await PostAsync("SELECT 1", $"?user=admin&password={password}")).Code);
        }
    }

    [Fact]
    public async Task The_password_is_in_no_argument_which_every_user_of_the_machine_sees()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Looks at /proc.");
        var arguments = await File.ReadAllTextAsync($"/proc/{server.ClickHouse.ProcessId}/cmdline", TestContext.Current.CancellationToken);
        Assert.Contains(server.ClickHouse.DataPath, arguments, StringComparison.Ordinal);
        Assert.DoesNotContain(server.ClickHouse.AdminPassword, arguments, StringComparison.Ordinal);
    }

    // As the pages of this engine send them.
    [Theory]
    [InlineData("dashboard", "enable_http_compression=1")]
    [InlineData("dashboard", "add_http_cors_header=1")]
    [InlineData("play", "add_http_cors_header=1")]
    [InlineData("play", "enable_http_compression=1")]
    [InlineData("play", "use_query_cache=1&enable_reads_from_query_cache=0&enable_writes_to_query_cache=1&query_cache_ttl=600")]
    [InlineData("play", "query_cache_nondeterministic_function_handling=save&query_cache_system_table_handling=ignore")]
    [InlineData("play", "extremes=1")]
    public async Task The_pages_of_ClickHouse_work_as_default(string page, string settings)
    {
        var html = await server.Http.GetStringAsync(new Uri(page, UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Contains(settings, html, StringComparison.Ordinal);
        Assert.Equal(0, (await AsDefaultAsync("SELECT n FROM metrics.numbers", $"?{settings}")).Code);
    }

    // A form, or fetch without CORS, sends it; it must change nothing, and its page must not read the answer.
    [Theory]
    [InlineData("SELECT n FROM metrics.numbers", true)]
    [InlineData("DROP TABLE metrics.numbers", false)]
    [InlineData("SELECT n FROM metrics.none", false)]
    public async Task A_page_of_another_origin_reads_no_answer(string sql, bool isAnswered)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/?add_http_cors_header=1") { Content = new StringContent(sql) };
        request.Headers.Add("Origin", "http://evil.example");
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(isAnswered, response.IsSuccessStatusCode);
        Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));

        using var preflight = new HttpRequestMessage(HttpMethod.Options, "/");
        preflight.Headers.Add("Origin", "http://evil.example");
        preflight.Headers.Add("Access-Control-Request-Method", "POST");
        using var permission = await server.Http.SendAsync(preflight, TestContext.Current.CancellationToken);
        Assert.False(permission.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("localhost:8123", true)]
    [InlineData("127.0.0.1:8123", true)]
    [InlineData("[::1]:8123", true)]
    [InlineData("[::ffff:127.0.0.1]:8123", true)]
    [InlineData("clickhouse:8123", true)]
    [InlineData("evil.example", false)]
    [InlineData("evil.example:8123", false)]
    [InlineData("127.0.0.1.evil.example:8123", false)]
    [InlineData("1.2.3.xn--p1ai", false)]
    [InlineData("a1.2", false)]
    public async Task A_page_whose_name_was_pointed_here_is_not_answered(string host, bool isAnswered)
    {
        foreach (var path in new[] { "/?query=SELECT+n+FROM+metrics.numbers", "/play", "/dashboard" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Host = host;
            using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(isAnswered ? 200 : 403, (int)response.StatusCode);
        }
    }

    [Fact]
    public async Task There_is_no_shell_in_the_browser()
    {
        using var response = await server.Http.GetAsync(new Uri("webterminal", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal(403, (int)response.StatusCode);
    }

    Task<(int Code, string Answer)> AsDefaultAsync(string sql, string settings = "") => PostAsync(sql, settings);

    Task<(int Code, string Answer)> AsAdminAsync(string sql) => PostAsync(sql, $"?user=admin&password={server.ClickHouse.AdminPassword}");

    async Task<(int Code, string Answer)> PostAsync(string sql, string query)
    {
        using var response = await server.Http.PostAsync(new Uri($"/{query}", UriKind.Relative), new StringContent(sql), TestContext.Current.CancellationToken);
        var code = response.Headers.TryGetValues("X-ClickHouse-Exception-Code", out var codes) ? int.Parse(codes.Single(), null) : 0;
        Assert.Equal(code == 0, response.IsSuccessStatusCode);
        return (code, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
