using System;

class Hello
{
    static void Main(string[] args)
    {
        Console.WriteLine("Hello from Isthmus!");
        foreach (string name in args)
            Console.WriteLine("Hello, " + name + "!");
    }
}
