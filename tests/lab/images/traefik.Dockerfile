FROM scratch
COPY traefik /traefik
EXPOSE 80
ENTRYPOINT ["/traefik"]
