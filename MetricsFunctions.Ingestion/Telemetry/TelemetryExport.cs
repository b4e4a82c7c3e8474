using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace MetricsFunctions.Ingestion.Telemetry;

/// <summary>Sends what the service tells of itself to whoever the standard <c>OTEL_*</c> settings name.</summary>
public static class TelemetryExport
{
    const string ServiceName = "metrics-functions";
    const string Metrics = "METRICS";
    const string Traces = "TRACES";

    /// <summary>Registers the export of metrics and of traces by OTLP, each where it has an endpoint; nothing at all without one.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">The host's configuration, its environment variables included.</param>
    public static IServiceCollection AddTelemetryExport(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        var (metrics, traces) = (IsOn(configuration, Metrics), IsOn(configuration, Traces));
        if (metrics || traces)
        {
            Add(services, configuration, metrics, traces);
        }

        return services;
    }

    // https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    static bool IsOn(IConfiguration configuration, string signal) =>
        !(string.IsNullOrWhiteSpace(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]) && string.IsNullOrWhiteSpace(configuration[EndpointOf(signal)]))
        && !string.Equals(configuration[$"OTEL_{signal}_EXPORTER"], "none", StringComparison.OrdinalIgnoreCase)
        && !string.Equals(configuration["OTEL_SDK_DISABLED"], "true", StringComparison.OrdinalIgnoreCase);

    // A method of its own, so that OpenTelemetry's assemblies are not even loaded when nothing is exported.
    static void Add(IServiceCollection services, IConfiguration configuration, bool metrics, bool traces)
    {
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(ServiceName, serviceVersion: IngestionTelemetry.Version).AddEnvironmentVariableDetector());
        if (metrics)
        {
            telemetry.WithMetrics(meters => meters
                .AddMeter(IngestionTelemetry.Name, "System.Runtime", "Microsoft.AspNetCore.Server.Kestrel")
                .AddOtlpExporter(options => Configure(options, configuration, Metrics)));
        }

        if (traces)
        {
            telemetry.WithTracing(sources => sources
                .AddSource(IngestionTelemetry.Name, "Microsoft.AspNetCore")
                .AddOtlpExporter(options => Configure(options, configuration, Traces)));
        }
    }

    // The exporter reads what is set for all signals, and leaves what is set for its own to whoever registers it.
    static void Configure(OtlpExporterOptions options, IConfiguration configuration, string signal)
    {
        if (configuration[EndpointOf(signal)] is { Length: > 0 } endpoint)
        {
            options.Endpoint = Uri.TryCreate(endpoint, UriKind.Absolute, out var url)
                ? url
                : throw new InvalidOperationException($"{EndpointOf(signal)} is not a URL. Set it to one such as http://localhost:4318/v1/{signal.ToLowerInvariant()}.");
        }

        if (configuration[$"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"] is { Length: > 0 } protocol)
        {
            options.Protocol = protocol == "grpc" ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        }

        if (configuration[$"OTEL_EXPORTER_OTLP_{signal}_HEADERS"] is { Length: > 0 } headers)
        {
            options.Headers = headers;
        }
    }

    static string EndpointOf(string signal) => $"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT";
}
