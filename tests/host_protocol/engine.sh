# Stands in for docker: an engine that has no container.
case "$1 $2" in
'ps -a' | 'ps --all' | 'image ls') ;;
'network ls') echo 'network "bridge"' ;;
'info --format') printf '/\n["20.10.24",["name=seccomp"]]\n' ;;
'context inspect') echo 'endpoint "unix:///var/run/docker.sock"' ;;
*) exit 1 ;;
esac
