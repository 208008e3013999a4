using System;

class ExitCode
{
    static int Main()
    {
        Console.WriteLine("about to leave");
        int code = 0;
        for (int i = 1; i <= 8; i++)
            code += i;
        return code + 6;
    }
}
