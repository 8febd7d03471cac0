from mission_control import create_app

app = create_app()
