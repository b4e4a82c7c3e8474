using System.Text;
using MetricsFunctions.Ingestion.Http;
using Microsoft.Extensions.Configuration;

namespace MetricsFunctions.Tests.Http;

/// <summary>Every way to configure keys wrongly, with the one line that it must get: what to set, and nothing of what was set.</summary>
public sealed class ApiKeyConfigurationTests : IDisposable
{
    const string Secret = "s3cret";

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("\"s3cret\"", "Ingestion:ApiKeys is a text and must be a list. Set Ingestion:ApiKeys:0")]
    [InlineData("[\"\"]", "Ingestion:ApiKeys:0 is empty. Set it to a key, or remove it.")]
    [InlineData("[\"k\", \" \"]", "Ingestion:ApiKeys:1 is empty.")]
    [InlineData("[null]", "Ingestion:ApiKeys:0 is empty.")]
    [InlineData("[\"s3cret s3cret\"]", "Ingestion:ApiKeys:0 cannot be sent in a header. Set it to a key of 1 to 512 visible ASCII characters")]
    [InlineData("[{\"Key\": \"s3cret\\u00fc\"}]", "Ingestion:ApiKeys:0 cannot be sent in a header.")]
    [InlineData("[{\"Name\": \"a\"}]", "Ingestion:ApiKeys:0 must have one of Key, Sha256 and KeyFile, or be the key itself.")]
    [InlineData("[{\"Key\": \"s3cret\", \"KeyFile\": \"s3cret\"}]", "Ingestion:ApiKeys:0 must have one of Key, Sha256 and KeyFile")]
    [InlineData("[{\"Key\": {\"s3cret\": \"s3cret\"}}]", "Ingestion:ApiKeys:0 must have one of Key, Sha256 and KeyFile")]
    [InlineData("[[\"s3cret\"]]", "Ingestion:ApiKeys:0:0 is not a setting: a key has Name, Key, Sha256, KeyFile, Prefixes.")]
    [InlineData("[{\"Key\": \"s3cret\", \"Prefix\": [\"a\"]}]", "Ingestion:ApiKeys:0:Prefix is not a setting")]
    [InlineData("[{\"Sha256\": \"s3cret\"}]", "Ingestion:ApiKeys:0:Sha256 must be 64 hexadecimal digits. Make them:")]
    [InlineData("[{\"Sha256\": \"xx2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B98\"}]", "Ingestion:ApiKeys:0:Sha256 must be 64")]
    [InlineData("[{\"Sha256\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}]", "Ingestion:ApiKeys:0:Sha256 is the hash of an empty text.")]
    [InlineData("[{\"KeyFile\": \"s3cret\"}]", "Ingestion:ApiKeys:0:KeyFile cannot be read. Set it to the path of a file")]
    [InlineData("[{\"KeyFile\": \"\"}]", "Ingestion:ApiKeys:0:KeyFile cannot be read.")]
    [InlineData("[{\"KeyFile\": \"/\"}]", "Ingestion:ApiKeys:0:KeyFile cannot be read.")]
    [InlineData("[{\"KeyFile\": \"/dev/zero\"}]", "Ingestion:ApiKeys:0:KeyFile does not hold a key.")]
    [InlineData("[{\"KeyFile\": \"/dev/null\"}]", "Ingestion:ApiKeys:0:KeyFile does not hold a key. Write one of")]
    [InlineData("[{\"Key\": \"s3cret\", \"Prefixes\": []}]", "Ingestion:ApiKeys:0:Prefixes must be a list of prefixes of 1 to 255 bytes.")]
    [InlineData("[{\"Key\": \"s3cret\", \"Prefixes\": [\"\"]}]", "Ingestion:ApiKeys:0:Prefixes must be a list")]
    [InlineData("[{\"Key\": \"s3cret\", \"Prefixes\": [\"a\", null]}]", "Ingestion:ApiKeys:0:Prefixes must be a list")]
    [InlineData("[{\"Key\": \"s3cret\", \"Prefixes\": \"s3cret\"}]", "Ingestion:ApiKeys:0:Prefixes must be a list")]
    [InlineData("[{\"Key\": \"s3cret\", \"Prefixes\": [{\"a\": \"s3cret\"}]}]", "Ingestion:ApiKeys:0:Prefixes must be a list")]
    [InlineData("[\"s3cret\", \"s3cret\"]", "Ingestion:ApiKeys:1 has the key of another one.")]
    [InlineData("[\"k\", {\"Name\": \"0\", \"Key\": \"s3cret\"}]", "Ingestion:ApiKeys:1 has the name of another one.")]
    [InlineData("[\"s3cret\", {\"Sha256\": \"1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0\", \"Name\": \"b\"}]", "Ingestion:ApiKeys:1 has the key of another one.")]
    public void A_key_that_cannot_work_is_told_with_what_to_set(string keys, string message)
    {
        var faults = new List<string>();
        ApiKey.ReadAll(Section($$$"""{"Ingestion": {"ApiKeys": {{{keys}}}}}"""), faults);
        var fault = Assert.Single(faults);
        Assert.StartsWith(message, fault, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, fault, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_text_that_lies_over_an_object_is_told()
    {
        var faults = new List<string>();
        ApiKey.ReadAll(Section("""{"Ingestion": {"ApiKeys": [{"Key": "k", "Prefixes": ["a"]}]}}""", ("Ingestion:ApiKeys:0", Secret)), faults);
        Assert.StartsWith("Ingestion:ApiKeys:0 must have one of", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("of-file")]
    [InlineData("of-file\n")]
    [InlineData("of-file\r\n")]
    public void Texts_objects_hashes_and_files_may_stand_beside_each_other(string content)
    {
        var file = Path.Combine(_folder.Path, "key");
        File.WriteAllText(file, content);
        var faults = new List<string>();
        var keys = ApiKey.ReadAll(
            Section($$"""
                {"Ingestion": {"ApiKeys": [
                  "text",
                  {"Key": "object"},
                  {"name": "named", "sha256": "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"},
                  {"Name": "file", "KeyFile": "{{file}}"}]} }
                """),
            faults);

        Assert.Empty(faults);
        foreach (var (sent, name) in new[] { ("text", "0"), ("object", "1"), ("hello", "named"), ("of-file", "file"), ("none", null) })
        {
            Assert.Equal(name, ApiKey.Find(keys, Encoding.UTF8.GetBytes(sent))?.Name);
        }
    }

    static IConfigurationSection Section(string json, params (string Setting, string Value)[] above) => new ConfigurationBuilder()
        .AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes(json)))
        .AddInMemoryCollection(above.Select(entry => KeyValuePair.Create(entry.Setting, (string?)entry.Value)))
        .Build()
        .GetSection("Ingestion:ApiKeys");
}
