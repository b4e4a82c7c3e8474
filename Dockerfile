# Two images of one service, built by BuildKit (Docker before 23.0: DOCKER_BUILDKIT=1):
#   docker build .                        the Azure Functions app (amd64)
#   docker build --target standalone .    plain Kestrel, non-root (amd64 and arm64)

ARG DOTNET=10.0

FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:${DOTNET} AS source
ARG TARGETARCH
WORKDIR /source
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# The projects alone, so that a change of the code does not restore again.
COPY Directory.Build.props Directory.Packages.props global.json ./
COPY MetricsFunctions/MetricsFunctions.csproj MetricsFunctions/
COPY MetricsFunctions.EmbeddedClickHouse/MetricsFunctions.EmbeddedClickHouse.csproj MetricsFunctions.EmbeddedClickHouse/
COPY MetricsFunctions.Ingestion/MetricsFunctions.Ingestion.csproj MetricsFunctions.Ingestion/
COPY MetricsFunctions.Standalone/MetricsFunctions.Standalone.csproj MetricsFunctions.Standalone/

FROM source AS build-standalone
RUN arch=$(echo "$TARGETARCH" | sed s/amd64/x64/) \
    && dotnet restore MetricsFunctions.Standalone --runtime "linux-$arch"
COPY . .
# Beside a ClickHouse server the engine inside is left out: 566 MB.
RUN arch=$(echo "$TARGETARCH" | sed s/amd64/x64/) \
    && dotnet publish MetricsFunctions.Standalone --no-restore --configuration Release --runtime "linux-$arch" --no-self-contained \
       -p:InstallChdb=false --output /app

FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET}-noble-chiseled AS standalone
LABEL org.opencontainers.image.title="MetricsFunctions.Standalone" \
      org.opencontainers.image.description="Takes samples over HTTP and commits them to ClickHouse" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /app
COPY --from=build-standalone /app .
# The port of the Functions image, so that one takes the other's place.
ENV Urls=http://+:80 ASPNETCORE_HTTP_PORTS= DOTNET_EnableDiagnostics=0
EXPOSE 80
USER $APP_UID
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=6 \
    CMD ["dotnet", "MetricsFunctions.Standalone.dll", "probe", "http://localhost/api/health/ready"]
ENTRYPOINT ["dotnet", "MetricsFunctions.Standalone.dll"]

FROM source AS build-functions
RUN dotnet restore MetricsFunctions --runtime linux-x64
COPY . .
RUN dotnet publish MetricsFunctions --no-restore --configuration Release --runtime linux-x64 --no-self-contained \
    --output /app

# The last target is the default one.
FROM mcr.microsoft.com/azure-functions/dotnet-isolated:4-dotnet-isolated10.0 AS functions
LABEL org.opencontainers.image.title="MetricsFunctions" \
      org.opencontainers.image.description="Takes samples over HTTP and commits them to ClickHouse" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
ENV AzureWebJobsScriptRoot=/home/site/wwwroot \
    AzureWebJobsSecretStorageType=files \
    AzureFunctionsJobHost__Logging__Console__IsEnabled=true \
    FUNCTIONS_ENABLE_DRAIN_ON_APP_STOPPING=true
COPY --from=build-functions /app /home/site/wwwroot
EXPOSE 80
# Without curl, but with the bash that starts the host.
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=6 \
    CMD ["bash", "-c", "exec 3<> /dev/tcp/localhost/80 && printf 'GET /api/health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
